import { connect } from './connect';
import { type Connection, type ConnectionState, isSame, noConnection } from './connection-state';
import { type ConnectOptions, connectionKey } from './options';
import { createStore, type Store } from './store';
import { browserTabs, connectAcrossTabs, type Tabs } from './tabs';

/** How to connect, and whether to share the connection. */
export interface ShareOptions extends ConnectOptions {
  /** False keeps the connection to this tab. Anything else replaces what the browser offers. */
  tabs?: Tabs | false | undefined;
}

interface Shared {
  connection: Connection;
  users: number;
  closing?: ReturnType<typeof setTimeout>;
}

/** A component that is replaced, or mounted twice in a row, finds the connection still open. */
const LINGER_MS = 1_000;

const shared = new Map<string, Shared>();
const overall = createStore(noConnection);

/** The state of this page's shared connections as one: that of the worst. */
export const overallState: Store<ConnectionState> = overall;

/**
 * Returns the page's one connection with these options, and opens it if necessary. It ends a moment after its last user
 * has closed it. All tabs share it too if the browser supports that and they are known to have the same subject.
 */
export function shareConnection(options: ShareOptions): Connection {
  const key = pageKey(options);
  const found = shared.get(key);
  // A refused connection stays as it is for its users; a later user tries again.
  const entry = found && found.connection.getSnapshot().status !== 'closed' ? found : open(key, options);
  entry.users += 1;
  clearTimeout(entry.closing);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    entry.users -= 1;
    if (entry.users === 0) entry.closing = setTimeout(() => end(key, entry), LINGER_MS);
  };
  const { getSnapshot, subscribe, onFrame } = entry.connection;
  return { getSnapshot, subscribe, onFrame, close };
}

/** Returns the name of a connection within this page, which keeps tokens without a subject apart. */
export function pageKey(options: ConnectOptions): string {
  const { auth } = options;
  const token = auth && !auth.subject && 'token' in auth && typeof auth.token === 'string' ? auth.token : '';
  return `${connectionKey(options)} ${token}`;
}

function open(key: string, options: ShareOptions): Shared {
  const { tabs = browserTabs(), auth } = options;
  const isOneSubject = auth === undefined || auth.subject !== undefined;
  const connection = tabs && isOneSubject ? connectAcrossTabs(options, tabs) : connect(options);
  const entry = { connection, users: 0 };
  shared.set(key, entry);
  connection.subscribe(refresh);
  refresh();
  return entry;
}

function end(key: string, entry: Shared): void {
  if (shared.get(key) === entry) shared.delete(key);
  entry.connection.close();
  refresh();
}

const WORST_FIRST = ['closed', 'reconnecting', 'connecting', 'open'] as const;

function refresh(): void {
  const states = [...shared.values()].map(({ connection }) => connection.getSnapshot());
  const worst = WORST_FIRST.map((status) => states.find((state) => state.status === status)).find(Boolean) ?? noConnection;
  if (!isSame(worst, overall.getSnapshot())) overall.set(worst);
}
