const listeners = new Set<() => void>();
let frame = 0;

/** Calls the listener at every animation frame. All listeners share one frame, so a page renders only once. */
export function onTick(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) frame = requestAnimationFrame(tick);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) cancelAnimationFrame(frame);
  };
}

function tick(): void {
  frame = requestAnimationFrame(tick);
  for (const listener of [...listeners]) listener();
}
