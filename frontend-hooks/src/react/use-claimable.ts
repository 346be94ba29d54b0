'use client';

import { useMemo, useState, useSyncExternalStore } from 'react';
import type { StreamRecord } from '../api-types';
import { createClaimable, servedAmount } from '../core/claimable';
import { LedgerClock } from '../core/ledger-clock';
import { createStore } from '../core/store';

/** Returns what can be claimed from a stream now, in units of its token; zero without a stream, null if it is not known. */
export function useClaimable(stream: StreamRecord | undefined): bigint | null {
  const [clock] = useState(() => new LedgerClock());
  const claimable = useMemo(() => (stream ? createClaimable(stream, clock) : createStore(0n)), [stream, clock]);
  return useSyncExternalStore<bigint | null>(claimable.subscribe, claimable.getSnapshot, () =>
    stream ? servedAmount(stream) : 0n,
  );
}
