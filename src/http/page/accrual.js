// What a stream's record means at a moment: the contract's own rule, as the server reckons it too.

import { big, larger, smaller } from './amounts.js';
import { durationText } from './times.js';

/** What is in the stream and not paid out. */
export const leftOf = stream => larger(big(stream.depositedAmount) - big(stream.withdrawnAmount), 0n);

/** What can be claimed: nothing unless the stream is active, else the time since it accrues (up to the pause, if it is
    paused) times the rate, and never more than is left. At a whole second it is the contract's number; between two it
    flows from one to the next. */
export function claimableAt(stream, nowMs) {
  if (!stream.isActive || stream.lastUpdateTime === null) return 0n;
  if (stream.isPaused && stream.pausedAt === null) return big(stream.claimableAmount);
  const until = BigInt(stream.isPaused ? stream.pausedAt * 1000 : nowMs);
  const elapsed = larger(until - BigInt(stream.lastUpdateTime) * 1000n, 0n);
  const accrued = elapsed * big(stream.ratePerSecond) / 1000n;
  return larger(smaller(accrued, leftOf(stream)), 0n);
}

/** What to call its state: an active stream comes to its end without an event. */
export function statusAt(stream, nowMs) {
  const isOver = stream.status === 'active' && stream.endTime !== null && stream.endTime * 1000 <= nowMs;
  return isOver ? 'ended' : stream.status;
}

/** In how long all of it is accrued. */
export function lastsText(stream, nowMs) {
  const status = statusAt(stream, nowMs);
  if (status === 'ended') return 'all accrued';
  if (status === 'paused') return 'on hold';
  if (status !== 'active') return '–';
  return stream.endTime === null ? 'never' : durationText(Math.max(Math.ceil(stream.endTime - nowMs / 1000), 0));
}
