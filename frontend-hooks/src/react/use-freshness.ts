'use client';

import { useMemo, useSyncExternalStore } from 'react';
import { type Freshness, notKnownYet, watchFreshness } from '../core/freshness';
import { type StreamEventsOptions, useSubscription } from './provider';

/** What to watch. */
export interface UseFreshnessOptions extends StreamEventsOptions {
  /** One contract; by default the whole index. */
  contractId?: string | undefined;
  /** How often to ask the service while the page is visible: every 10 s by default, at least 1 s apart. */
  refreshMs?: number | undefined;
}

/** Returns how old the service's data are, counting every second, and whether to rely on them. */
export function useFreshness({ contractId, refreshMs, ...own }: UseFreshnessOptions = {}): Freshness {
  const { key, options } = useSubscription({}, own);
  const freshness = useMemo(() => watchFreshness({ ...options, contractId, refreshMs }), [key, contractId, refreshMs]);
  return useSyncExternalStore(freshness.subscribe, freshness.getSnapshot, () => notKnownYet);
}
