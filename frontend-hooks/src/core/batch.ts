/** Sixty times a second at most. Not an animation frame: none comes in a hidden page, and 144 a second on some screens. */
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
