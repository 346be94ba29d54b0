import { backOffMs, wait } from './back-off';
import type { Connection } from './connection-state';
import { durationMs } from './duration';
import { verdictOnFailure } from './opening';
import type { ConnectOptions } from './options';
import { createStore, type Store, whileHeard } from './store';
import { asError } from './stream-error';
import { isHidden } from './visibility';

/** The last result of a query. */
export interface LiveQueryState<T> {
  readonly data: T | undefined;
  /** Whether the first result is still awaited. */
  readonly loading: boolean;
  /** Why the last request failed. */
  readonly error: Error | undefined;
}

/** A result that is fetched again whenever the feed says that it may have changed. */
export interface LiveQuery<T> extends Store<LiveQueryState<T>> {
  refetch: () => void;
}

/** How a failed request is retried. It is never given up, because the result is fetched again in any case. */
type Retrying = Pick<ConnectOptions, 'backOff' | 'random'>;

/** The parts of a live query. */
export interface LiveQueryOptions<T> extends Retrying {
  read: (signal: AbortSignal) => Promise<T>;
  /** Opens the connection whose events affect the result. */
  open: () => Connection;
  /** How often to fetch without any event, while the page is visible: every 30 s by default. */
  refreshMs?: number | undefined;
}

/** A burst of events causes one request at its start and one after this time. */
const SHORTEST_MS = 1_000;
const REFRESH_MS = 30_000;

/** Returns a query that stays live while it has listeners. */
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

/** Calls `ask` at every frame and every opening: events between the last request and the opening were not sent. */
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

/** Returns a function that sends one request at a time: another if it was called meanwhile or a failure may pass. */
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

/** Returns how long to wait after a failure that may pass; undefined after one that a retry does not change. */
function retryAfter(failure: unknown, failures: number, retrying: Retrying): number | undefined {
  const { backOff, random = Math.random } = retrying;
  const verdict = verdictOnFailure(failure, false);
  return verdict.do === 'backOff' ? backOffMs(failures, random, backOff, verdict.error) : undefined;
}
