/** At most sixty times a second. Animation frames do not fit: a hidden page has none, some screens have 144 a second. */
const SHORTEST_MS = 17;

/** Returns a function that may be called at any rate, and calls `flush` soon after. */
export function batched(flush: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      flush();
    }, SHORTEST_MS);
  };
}
