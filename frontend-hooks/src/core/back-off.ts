import { durationMs } from './duration';
import { StreamError } from './stream-error';

/** How a failed connection retries. A number that is not above zero counts as missing. */
export interface BackOff {
  /** The shortest wait: 1 s by default, and never below 100 ms. */
  shortestMs?: number | undefined;
  /** The longest wait: 30 s by default, and never below the shortest. */
  longestMs?: number | undefined;
  /** How many attempts in a row may fail before the connection gives up; unlimited by default. */
  attempts?: number | undefined;
}

/** The shortest wait before any retry, whatever the page or the service says. */
export const LEAST_MS = 100;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;
/** The longest wait that the service itself may ask for. Anyone else is limited to the longest back-off. */
export const LONGEST_TOLD_MS = 600_000;
const JITTER_MS = 1_000;

/**
 * Returns how long to wait after this many failures in a row: a random time up to a bound that doubles. A `Retry-After`
 * of the last failure makes the wait longer, never shorter. It is spread over a second, because all clients get the
 * same one.
 */
export function backOffMs(failures: number, random: () => number, options: BackOff = {}, error?: Error): number {
  const shortest = durationMs(options.shortestMs, SHORTEST_MS, LEAST_MS);
  const longest = durationMs(options.longestMs, LONGEST_MS, shortest);
  const share = random();
  const ms = shortest + share * (Math.min(longest, shortest * 2 ** failures) - shortest);
  const { retryAfterMs = 0, isFinal } = error instanceof StreamError ? error : {};
  if (retryAfterMs === 0) return ms;
  const most = isFinal ? Math.max(longest, LONGEST_TOLD_MS) : longest;
  const spread = Math.min(JITTER_MS, most / 4);
  return Math.max(ms, Math.min(most - spread, retryAfterMs) + share * spread);
}

/** Resolves after a time, or at once when the signal aborts. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
