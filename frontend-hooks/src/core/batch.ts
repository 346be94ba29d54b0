/** A timer and not an animation frame: frames do not come in a hidden page, and come 144 times a second on some screens. */
const SHORTEST_MS = 1_000 / 60;

/** Returns a function that may be called at any rate, and calls `flush` soon after, at most 60 times a second. */
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
