/** How a connection that fails comes back. */
export interface BackOff {
  /** The shortest wait: 1 s without it. */
  shortestMs?: number | undefined;
  /** The longest: 30 s without it. */
  longestMs?: number | undefined;
  /** So many attempts in a row may fail before it gives up; without it, any number. */
  attempts?: number | undefined;
}

const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Returns how long to wait after so many failures in a row: at random up to a bound that doubles. */
export function backOffMs(failures: number, random: () => number, { shortestMs, longestMs }: BackOff = {}): number {
  const shortest = shortestMs ?? SHORTEST_MS;
  const longest = Math.max(shortest, longestMs ?? LONGEST_MS);
  const bound = Math.min(longest, shortest * 2 ** failures);
  return shortest + random() * (bound - shortest);
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
    // A timer holds 31 bits.
    const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
    signal.addEventListener('abort', done);
  });
}
