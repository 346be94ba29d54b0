import { type LastIdStorage, recallLastId, rememberLastId } from './last-id';
import type { Frame } from './reading';
import { createStore, type Store } from './store';

/** How a connection is. */
export interface ConnectionState {
  /** `closed` is for good: it was closed, or refused in a way that asking again does not change. */
  readonly status: 'connecting' | 'open' | 'reconnecting' | 'closed';
  /** What the service last gave as the place to resume from: everything up to there was received. */
  readonly lastEventId: string | undefined;
  /** Why it is not open, where there is a reason. */
  readonly error: Error | undefined;
  /** How many attempts in a row have failed. */
  readonly attempt: number;
  /** When it comes back, in milliseconds of Unix time; none while it is open or tries. */
  readonly retryAt: number | undefined;
}

/** The state where there is no connection. */
export const noConnection: ConnectionState = {
  status: 'closed',
  lastEventId: undefined,
  error: undefined,
  attempt: 0,
  retryAt: undefined,
};

/** A connection to the event feed. Its store is told of every event; batch what you render. */
export interface Connection extends Store<ConnectionState> {
  onFrame: (listener: (frame: Frame) => void) => () => void;
  close: () => void;
}

/** A connection's state, which remembers the last id in a storage. */
export interface ConnectionStore extends Store<ConnectionState> {
  update: (change: Partial<ConnectionState>) => void;
}

interface Remembered {
  key: string;
  lastEventId?: string | undefined;
  storage?: LastIdStorage | undefined;
}

export function createConnectionStore({ key, lastEventId, storage }: Remembered): ConnectionStore {
  const recalled = lastEventId ?? recallLastId(storage, key);
  const first: ConnectionState = { ...noConnection, status: 'connecting', lastEventId: recalled };
  const { getSnapshot, subscribe, set } = createStore(first);
  const update = (change: Partial<ConnectionState>): void => {
    const before = getSnapshot();
    const after = { ...before, ...change };
    if (isSame(before, after)) return;
    if (before.lastEventId !== after.lastEventId) rememberLastId(storage, key, after.lastEventId);
    set(after);
  };
  return { getSnapshot, subscribe, update };
}

export function isSame(one: ConnectionState, other: ConnectionState): boolean {
  return (Object.keys(noConnection) as (keyof ConnectionState)[]).every((field) => one[field] === other[field]);
}
