import type { IndexStatus } from '../api-types';
import { wait } from './back-off';
import { durationMs } from './duration';
import type { ServiceOptions } from './options';
import { createReader } from './rest';
import { createStore, type Store, whileHeard } from './store';
import { asError } from './stream-error';
import { onTick } from './ticker';
import { isHidden, onVisibility } from './visibility';

/** How old the service's data are, and whether to rely on them. */
export interface Freshness {
  /** The last ledger that is completely indexed. */
  readonly ledger: number | undefined;
  readonly closedAt: string | undefined;
  /** Whole seconds since that ledger closed: the service's number, counted on by a monotonic clock. */
  readonly secondsAgo: number | undefined;
  /** Undefined before the first answer and while the service does not answer. */
  readonly isReady: boolean | undefined;
  /** Why the index is not ready, in words. */
  readonly reasons: readonly string[];
  /** Why the last request failed. The age keeps counting meanwhile. */
  readonly error: Error | undefined;
}

/** What to watch, and how. */
export interface FreshnessOptions extends ServiceOptions {
  /** One contract. By default the whole index, whose freshness is that of the contract furthest behind. */
  contractId?: string | undefined;
  /** How often to ask the service while the page is visible: every 10 s by default, at least 1 s apart. */
  refreshMs?: number | undefined;
}

const REFRESH_MS = 10_000;
const SHORTEST_MS = 1_000;
/** A request that takes longer counts as failed. */
const PATIENCE_MS = 10_000;
/** Ages of the same ledger differ by up to this much, because of rounding and the time that an answer takes. */
const JITTER_MS = 2_000;

/** The state before the first answer. */
export const notKnownYet: Freshness = {
  ledger: undefined,
  closedAt: undefined,
  secondsAgo: undefined,
  isReady: undefined,
  reasons: [],
  error: undefined,
};

type Part = IndexStatus | IndexStatus['contracts'][number];

/** Returns the freshness of the index, watched for as long as the store has listeners. */
export function watchFreshness({ contractId, refreshMs, ...service }: FreshnessOptions): Store<Freshness> {
  const readJson = createReader(service);
  const store = createStore(notKnownYet);
  let closedMs: number | undefined;
  return { getSnapshot: store.getSnapshot, subscribe: whileHeard(store, watch) };

  function watch(): () => void {
    let asking: AbortController | undefined;
    const ask = (): void => {
      if (asking !== undefined || isHidden()) return;
      const own = (asking = new AbortController());
      const end = (next: () => void): void => {
        if (asking !== own) return;
        asking = undefined;
        own.abort();
        next();
      };
      const fail = (thrown: unknown): void => end(() => lose(asError(thrown)));
      const askedMs = performance.now();
      const answered = readJson<IndexStatus>('/v1/status', own.signal).then(partOf);
      answered.then((part) => end(() => take(part, askedMs)), fail);
      void wait(PATIENCE_MS, own.signal).then(() => fail(new Error('the service does not answer')));
    };
    const refresh = setInterval(ask, durationMs(refreshMs, REFRESH_MS, SHORTEST_MS));
    const stops = [onVisibility(ask), onTick(countOn), () => clearInterval(refresh)];
    ask();
    return () => {
      asking?.abort();
      asking = undefined;
      for (const stop of stops) stop();
    };
  }

  function lose(error: Error): void {
    store.set({ ...store.getSnapshot(), isReady: undefined, secondsAgo: secondsAgo(), error });
  }

  /** Returns the status of the contract, or of the whole index. Throws if the answer is not a status. */
  function partOf(status: IndexStatus): Part | undefined {
    const contract = status.contracts.find((one) => one.contractId === contractId);
    return contractId === undefined ? status : contract;
  }

  function take(part: Part | undefined, askedMs: number): void {
    const ledger = part?.lastWholeLedger ?? undefined;
    const age = part?.lastWholeLedgerClosedSecondsAgo ?? undefined;
    const closed = age === undefined ? undefined : askedMs - age * 1_000;
    const isSameLedger = ledger === store.getSnapshot().ledger;
    const isJitter = Math.abs((closed ?? NaN) - (closedMs ?? NaN)) <= JITTER_MS;
    if (!isSameLedger || !isJitter) closedMs = closed;
    const reasons = part?.reasons ?? ['the service does not index this contract'];
    const closedAt = part?.lastWholeLedgerClosedAt ?? undefined;
    store.set({ ledger, closedAt, secondsAgo: secondsAgo(), isReady: reasons.length === 0, reasons, error: undefined });
  }

  function countOn(): void {
    const known = store.getSnapshot();
    const seconds = secondsAgo();
    if (seconds !== known.secondsAgo) store.set({ ...known, secondsAgo: seconds });
  }

  function secondsAgo(): number | undefined {
    return closedMs === undefined ? undefined : Math.max(0, Math.floor((performance.now() - closedMs) / 1_000));
  }
}
