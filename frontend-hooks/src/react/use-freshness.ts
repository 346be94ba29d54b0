'use client';

import { useMemo, useSyncExternalStore } from 'react';
import { type Freshness, notKnownYet, watchFreshness } from '../core/freshness';
import { type StreamEventsOptions, useSubscription } from './provider';

/** Whose freshness is wanted. */
export interface UseFreshnessOptions extends StreamEventsOptions {
  /** One contract; without it the whole index. */
  contractId?: string | undefined;
  /** How often the service is asked while the page is seen: 10 s by default, at least 1 s. */
  refreshMs?: number | undefined;
}

/** Returns how old what the service tells is, counting on by the second, and whether it is to be relied on. */
export function useFreshness({ contractId, refreshMs, ...own }: UseFreshnessOptions = {}): Freshness {
  const { key, options } = useSubscription({}, own);
  const freshness = useMemo(() => watchFreshness({ ...options, contractId, refreshMs }), [key, contractId, refreshMs]);
  return useSyncExternalStore(freshness.subscribe, freshness.getSnapshot, () => notKnownYet);
}
