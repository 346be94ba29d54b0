import type { StreamRecord } from '../api-types';

/** The fields of a stream that determine its accrual. */
export type Accruing = Pick<
  StreamRecord,
  'isActive' | 'isPaused' | 'pausedAt' | 'lastUpdateTime' | 'ratePerSecond' | 'depositedAmount' | 'withdrawnAmount'
>;

const LARGEST_AMOUNT = 2n ** 127n - 1n;

/**
 * Returns what the recipient can claim at a Unix time in milliseconds, by the contract's rule: nothing unless the
 * stream is active, otherwise the time since the last update (up to the pause, if paused) times the rate, and never
 * more than is left. At a whole second it is the service's number; in between it includes the fraction of the second
 * that has passed.
 */
export function claimableAt(stream: Accruing, unixMs: bigint): bigint {
  // The service leaves out a time that lies beyond the year 9999.
  if (!stream.isActive || stream.lastUpdateTime === null) return 0n;
  const isStanding = stream.isPaused && stream.pausedAt !== null;
  const nowMs = isStanding ? BigInt(stream.pausedAt ?? 0) * 1_000n : unixMs;
  const elapsedMs = atLeastZero(nowMs - BigInt(stream.lastUpdateTime) * 1_000n);
  const accrued = atLeastZero((elapsedMs * BigInt(stream.ratePerSecond)) / 1_000n);
  const left = leftIn(stream);
  return accrued < left ? accrued : left;
}

/** Returns what is left in a stream and not paid out, never below zero. */
export function leftIn({ depositedAmount, withdrawnAmount }: Accruing): bigint {
  const left = atLeastZero(BigInt(depositedAmount) - BigInt(withdrawnAmount));
  return left < LARGEST_AMOUNT ? left : LARGEST_AMOUNT;
}

/** Whether the claimable amount still changes after a time. */
export function isAccruing(stream: Accruing, unixMs: bigint): boolean {
  if (!stream.isActive || stream.isPaused || BigInt(stream.ratePerSecond) <= 0n) return false;
  return claimableAt(stream, unixMs) < leftIn(stream);
}

function atLeastZero(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}
