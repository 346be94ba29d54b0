const SILENT_HEARTBEATS = 2.5;

/** Watches for silence. */
export interface Watchdog {
  /** Call this when something was heard. */
  hear: () => void;
  stop: () => void;
}

/** Calls `onSilence` when nothing was heard for two and a half heartbeats. */
export function createWatchdog(heartbeatMs: number, onSilence: () => void): Watchdog {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => clearTimeout(timer);
  const hear = (): void => {
    stop();
    timer = setTimeout(onSilence, heartbeatMs * SILENT_HEARTBEATS);
  };
  hear();
  return { hear, stop };
}
