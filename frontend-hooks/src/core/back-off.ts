const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Returns how long to wait after so many failures in a row: at random up to a bound that doubles, 1 s to 30 s. */
export function backOffMs(failures: number, random: () => number): number {
  const bound = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures);
  return SHORTEST_MS + random() * (bound - SHORTEST_MS);
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
