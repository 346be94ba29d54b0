/** Ledgers close every few seconds, so a clock further ahead than this has lost touch with them. */
const FURTHEST_AHEAD_MS = 15_000;

/**
 * The network's time between two ledgers, in Unix milliseconds. It starts at a ledger's close and runs with this
 * machine's clock. A later ledger moves it forward, never back, unless the network has stopped or fallen behind.
 */
export class LedgerClock {
  #aheadOfLocalMs: number | undefined;

  /** Adds the time of a ledger that was known at `localMs` of a monotonic clock. */
  sample(ledgerSeconds: number, localMs: number): void {
    const sampled = ledgerSeconds * 1_000 - localMs;
    const present = this.#aheadOfLocalMs;
    const isSteady = present !== undefined && present >= sampled && present - sampled <= FURTHEST_AHEAD_MS;
    if (!isSteady) this.#aheadOfLocalMs = sampled;
  }

  /** Returns the network's time; undefined before the first sample. */
  at(localMs: number): bigint | undefined {
    return this.#aheadOfLocalMs === undefined ? undefined : BigInt(Math.floor(localMs + this.#aheadOfLocalMs));
  }
}

const receivedMs = new WeakMap<object, number>();

/** Returns when a record was first seen, by a monotonic clock. */
export function receivedAtMs(record: object): number {
  const atMs = receivedMs.get(record) ?? performance.now();
  receivedMs.set(record, atMs);
  return atMs;
}
