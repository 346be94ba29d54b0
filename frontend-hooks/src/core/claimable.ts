import type { StreamRecord } from '../api-types';
import { claimableAt, isAccruing } from './accrual';
import { type LedgerClock, receivedAtMs } from './ledger-clock';
import { createStore, type Store } from './store';
import { onTick } from './ticker';

/** Returns what can be claimed from a stream, told at each animation frame while it grows; null if it is not known. */
export function createClaimable(stream: StreamRecord, clock: LedgerClock): Store<bigint | null> {
  const { calculatedAt } = stream;
  if (calculatedAt !== null) clock.sample(calculatedAt, receivedAtMs(stream));
  const known = servedAmount(stream);
  if (known === null) return createStore(known);
  const { getSnapshot, subscribe, set } = createStore(valueNow());
  return { getSnapshot, subscribe: (listener) => tickFor(subscribe(listener)) };

  function valueNow(): bigint | null {
    const nowMs = clock.at(performance.now());
    // A paused amount stays as the service gave it.
    return nowMs === undefined || stream.isPaused ? known : claimableAt(stream, nowMs);
  }

  function tickFor(unsubscribe: () => void): () => void {
    const stopTicking = onTick(() => {
      set(valueNow());
      if (!isAccruing(stream, clock.at(performance.now()) ?? 0n)) stopTicking();
    });
    return () => {
      stopTicking();
      unsubscribe();
    };
  }
}

/** Returns what could be claimed when the service answered, null if it did not know. */
export function servedAmount({ claimableAmount }: StreamRecord): bigint | null {
  return claimableAmount === null ? null : BigInt(claimableAmount);
}
