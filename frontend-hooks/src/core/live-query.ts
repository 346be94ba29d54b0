import { backOffMs, wait } from './back-off';
import type { Connection } from './connection-state';
import { durationMs } from './duration';
import { verdictOnFailure } from './opening';
import type { ConnectOptions } from './options';
import { createStore, type Store, whileHeard } from './store';
import { asError } from './stream-error';
import { isHidden } from './visibility';

/** What a query gave last. */
export interface LiveQueryState<T> {
  readonly data: T | undefined;
  /** Nothing was given yet, and it is asked for. */
  readonly loading: boolean;
  /** Why the last asking failed. */
  readonly error: Error | undefined;
}

/** An answer that is asked for again whenever the feed says that it may have changed. */
export interface LiveQuery<T> extends Store<LiveQueryState<T>> {
  refetch: () => void;
}

/** How an asking that fails is repeated; it is never given up, as the answer is asked for again in any case. */
type Retrying = Pick<ConnectOptions, 'backOff' | 'random'>;

/** What a live query is made of. */
export interface LiveQueryOptions<T> extends Retrying {
  read: (signal: AbortSignal) => Promise<T>;
  /** Opens the connection whose events bear on the answer. */
  open: () => Connection;
  /** How often it is asked for though nothing happened, while the page is seen; 30 s by default. */
  refreshMs?: number | undefined;
}

/** A burst of events asks once at its beginning and once after this. */
const SHORTEST_MS = 1_000;
const REFRESH_MS = 30_000;

/** Returns a query that is live while it has listeners. */
export function createLiveQuery<T>({ read, open, refreshMs, ...retrying }: LiveQueryOptions<T>): LiveQuery<T> {
  const store = createStore<LiveQueryState<T>>({ data: undefined, loading: true, error: undefined });
  let ask: (() => void) | undefined;
  return { getSnapshot: store.getSnapshot, subscribe: whileHeard(store, goLive), refetch: () => ask?.() };

  function goLive(): () => void {
    const ends = new AbortController();
    const asking = createAsking(ends.signal, retrying, async () => {
      try {
        store.set({ data: await read(ends.signal), loading: false, error: undefined });
        return undefined;
      } catch (thrown) {
        if (!ends.signal.aborted) store.set({ ...store.getSnapshot(), loading: false, error: asError(thrown) });
        return thrown;
      }
    });
    const connection = open();
    const stopListening = whenStale(connection, asking);
    const refresh = setInterval(() => isHidden() || asking(), durationMs(refreshMs, REFRESH_MS, SHORTEST_MS));
    ask = asking;
    asking();
    return () => {
      ends.abort();
      clearInterval(refresh);
      stopListening();
      connection.close();
    };
  }
}

/** Calls `ask` at every frame, and at every opening: what came between the last asking and the opening was not told. */
function whenStale(connection: Connection, ask: () => void): () => void {
  let { status } = connection.getSnapshot();
  const stopFrames = connection.onFrame(ask);
  const stopState = connection.subscribe(() => {
    const before = status;
    status = connection.getSnapshot().status;
    if (status === 'open' && before !== 'open') ask();
  });
  return () => {
    stopFrames();
    stopState();
  };
}

/** Returns a function that asks: one at a time, once more if it was called meanwhile, again after a passing failure. */
function createAsking(signal: AbortSignal, retrying: Retrying, once: () => Promise<unknown>): () => void {
  let isAsking = false;
  let isStale = false;
  let failures = 0;
  const ask = async (): Promise<void> => {
    isAsking = true;
    do {
      isStale = false;
      const failure = await once();
      failures = failure === undefined ? 0 : failures + 1;
      const retryMs = failure === undefined ? undefined : retryAfter(failure, failures, retrying);
      isStale ||= retryMs !== undefined;
      await wait(retryMs ?? SHORTEST_MS, signal);
    } while (isStale && !signal.aborted);
    isAsking = false;
  };
  return () => {
    isStale = true;
    if (!isAsking && !signal.aborted) void ask();
  };
}

/** Returns how long to wait after a failure that passes, none after one that asking again does not change. */
function retryAfter(failure: unknown, failures: number, retrying: Retrying): number | undefined {
  const { backOff, random = Math.random } = retrying;
  const verdict = verdictOnFailure(failure, false);
  return verdict.do === 'backOff' ? backOffMs(failures, random, backOff, verdict.error) : undefined;
}
