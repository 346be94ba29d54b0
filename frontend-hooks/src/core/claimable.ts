import type { StreamRecord } from '../api-types';
import { claimableAt } from './accrual';
import { growsAt } from './growth';
import { type LedgerClock, receivedAtMs } from './ledger-clock';
import { createStore, type Store } from './store';
import { onTick } from './ticker';

/** A timer takes no longer wait. After that it is set again. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Returns what can be claimed from a stream, null if it is not known. It is told at each animation frame while it grows
 * by the second, else at the next step or cliff.
 */
export function createClaimable(stream: StreamRecord, clock: LedgerClock): Store<bigint | null> {
  const { calculatedAt } = stream;
  if (calculatedAt !== null) clock.sample(calculatedAt, receivedAtMs(stream));
  const { getSnapshot, subscribe, set } = createStore(valueNow());
  return { getSnapshot, subscribe: (listener) => follow(subscribe(listener)) };

  function now(): bigint | undefined {
    return clock.at(performance.now());
  }

  function valueNow(): bigint | null {
    const nowMs = now();
    return nowMs === undefined ? servedAmount(stream) : claimableAt(stream, nowMs);
  }

  function follow(unsubscribe: () => void): () => void {
    let stop = atGrowth(grow);
    return () => {
      stop();
      unsubscribe();
    };

    function grow(): void {
      set(valueNow());
      stop();
      stop = atGrowth(grow);
    }
  }

  /** Calls the listener when the value grows next; returns what forgets about it. */
  function atGrowth(listener: () => void): () => void {
    const nowMs = now();
    const growsMs = nowMs === undefined ? undefined : growsAt(stream, nowMs);
    if (nowMs === undefined || growsMs === undefined) return () => undefined;
    const waitMs = Number(growsMs - nowMs);
    if (waitMs <= 0) return onTick(listener);
    const timer = setTimeout(listener, Math.min(waitMs, LONGEST_WAIT_MS));
    return () => clearTimeout(timer);
  }
}

/** Returns what could be claimed when the service answered, null if it did not know. */
export function servedAmount({ claimableAmount }: StreamRecord): bigint | null {
  return claimableAmount === null ? null : BigInt(claimableAmount);
}
