import type { StreamRecord } from '../api-types';
import { claimableAt, isAccruing } from './accrual';
import { type LedgerClock, receivedAtMs } from './ledger-clock';
import { createStore, type Store } from './store';
import { onTick } from './ticker';

/** Returns the claimable amount of a stream, updated at each animation frame for as long as it grows. */
export function createClaimable(stream: StreamRecord, clock: LedgerClock): Store<bigint> {
  const { calculatedAt } = stream;
  if (calculatedAt !== null) clock.sample(calculatedAt, receivedAtMs(stream));
  const known = BigInt(stream.claimableAmount);
  const { getSnapshot, subscribe, set } = createStore(valueNow());
  return { getSnapshot, subscribe: (listener) => tickFor(subscribe(listener)) };

  function valueNow(): bigint {
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
