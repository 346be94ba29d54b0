/** Whether the page is hidden. Outside of a page it counts as visible. */
export function isHidden(): boolean {
  return typeof document !== 'undefined' && document.visibilityState === 'hidden';
}

/** Calls the listener whenever the page is hidden or shown. */
export function onVisibility(listener: () => void): () => void {
  if (typeof document === 'undefined') return () => undefined;
  const page = document;
  page.addEventListener('visibilitychange', listener);
  return () => page.removeEventListener('visibilitychange', listener);
}

/** Resolves once the page is visible, or when the signal aborts. */
export function untilVisible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (isHidden() && !signal.aborted) return;
      signal.removeEventListener('abort', look);
      stop();
      resolve();
    };
    const stop = onVisibility(look);
    signal.addEventListener('abort', look);
    look();
  });
}
