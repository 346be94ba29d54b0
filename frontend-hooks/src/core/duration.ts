/** Longer than anybody waits, and within the 31 bits that a timer has for milliseconds. */
const LONGEST_MS = 86_400_000;

/** Returns a duration set by an option, within bounds. A value that is not above zero counts as missing. */
export function durationMs(wantedMs = 0, defaultMs: number, shortestMs: number): number {
  return Math.max(shortestMs, Math.min(LONGEST_MS, wantedMs > 0 ? wantedMs : defaultMs));
}
