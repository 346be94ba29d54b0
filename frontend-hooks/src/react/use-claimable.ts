'use client';

import { useMemo, useState, useSyncExternalStore } from 'react';
import type { StreamRecord } from '../api-types';
import { createClaimable } from '../core/claimable';
import { LedgerClock } from '../core/ledger-clock';
import { createStore } from '../core/store';

/** Returns the claimable amount of a stream now, in units of its token; zero without a stream. */
export function useClaimable(stream: StreamRecord | undefined): bigint {
  const [clock] = useState(() => new LedgerClock());
  const claimable = useMemo(() => (stream ? createClaimable(stream, clock) : createStore(0n)), [stream, clock]);
  return useSyncExternalStore(claimable.subscribe, claimable.getSnapshot, () => BigInt(stream?.claimableAmount ?? 0));
}
