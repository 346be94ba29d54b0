'use client';

import { useSyncExternalStore } from 'react';
import type { ConnectionState } from '../core/connection-state';
import { overallState } from '../core/share';

const onServer = overallState.getSnapshot();

/** Returns the state of this page's connections as one: that of the worst. */
export function useConnectionState(): ConnectionState {
  return useSyncExternalStore(overallState.subscribe, overallState.getSnapshot, () => onServer);
}
