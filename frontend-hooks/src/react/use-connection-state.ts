'use client';

import { useSyncExternalStore } from 'react';
import type { ConnectionState } from '../core/connection-state';
import { overallState } from '../core/share';

const onServer = overallState.getSnapshot();

/** Returns how the connections of this page are, as one: the one that is worst off speaks for all. */
export function useConnectionState(): ConnectionState {
  return useSyncExternalStore(overallState.subscribe, overallState.getSnapshot, () => onServer);
}
