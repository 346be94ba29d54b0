/** Longer than anybody waits, and within the 31 bits of milliseconds that a timer holds. */
const LONGEST_MS = 86_400_000;

/** Returns a duration that an option sets, within bounds. One that is not above zero counts as left out. */
export function durationMs(wantedMs = 0, defaultMs: number, shortestMs: number): number {
  return Math.max(shortestMs, Math.min(LONGEST_MS, wantedMs > 0 ? wantedMs : defaultMs));
}
