// What a stream's record means at a moment, by the contract's own rule. The server uses the same rule.

import { big, larger, smaller } from './amounts.js';
import { durationText } from './times.js';

/** The amount that has not been withdrawn. */
export const leftOf = stream => larger(big(stream.depositedAmount) - big(stream.withdrawnAmount), 0n);

/** The claimable amount. It is zero unless the stream is active; otherwise the time since it started to accrue (up to
    the pause, if it is paused) times the rate, but never more than what is left. At whole seconds it equals the
    contract's number; in between it grows continuously. */
export function claimableAt(stream, nowMs) {
  if (!stream.isActive || stream.lastUpdateTime === null) return 0n;
  if (stream.isPaused && stream.pausedAt === null) return big(stream.claimableAmount);
  const until = BigInt(stream.isPaused ? stream.pausedAt * 1000 : nowMs);
  const elapsed = larger(until - BigInt(stream.lastUpdateTime) * 1000n, 0n);
  const accrued = elapsed * big(stream.ratePerSecond) / 1000n;
  return larger(smaller(accrued, leftOf(stream)), 0n);
}

/** The status to show: an active stream ends without an event. */
export function statusAt(stream, nowMs) {
  const isOver = stream.status === 'active' && stream.endTime !== null && stream.endTime * 1000 <= nowMs;
  return isOver ? 'ended' : stream.status;
}

/** How long it takes until everything has accrued. */
export function lastsText(stream, nowMs) {
  const status = statusAt(stream, nowMs);
  if (status === 'ended') return 'all accrued';
  if (status === 'paused') return 'on hold';
  if (status !== 'active') return '–';
  return stream.endTime === null ? 'never' : durationText(Math.max(Math.ceil(stream.endTime - nowMs / 1000), 0));
}
