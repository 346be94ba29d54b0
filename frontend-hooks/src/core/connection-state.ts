import { type LastIdStorage, recallLastId, rememberLastId } from './last-id';
import type { Frame } from './reading';
import { createStore, type Store } from './store';

/** The state of a connection. */
export interface ConnectionState {
  /** `closed` is final: it was closed, or refused in a way that a retry does not change. */
  readonly status: 'connecting' | 'open' | 'reconnecting' | 'closed';
  /** The last position that the service gave to resume from: everything up to it was received. */
  readonly lastEventId: string | undefined;
  /** Why it is not open, if there is a reason. */
  readonly error: Error | undefined;
  /** How many attempts in a row have failed. */
  readonly attempt: number;
  /** When the next attempt starts, in Unix milliseconds; undefined while it is open or connecting. */
  readonly retryAt: number | undefined;
}

/** The state without a connection. */
export const noConnection: ConnectionState = {
  status: 'closed',
  lastEventId: undefined,
  error: undefined,
  attempt: 0,
  retryAt: undefined,
};

/** A connection to the event feed. Listeners hear of every event, so batch your rendering. */
export interface Connection extends Store<ConnectionState> {
  onFrame: (listener: (frame: Frame) => void) => () => void;
  close: () => void;
}

/** The state of a connection, which remembers the last id in a storage. */
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
