// The amount that a stream releases by a given time, past or future, by the contract's own rule.

import { claimableAt } from './accrual.js';
import { big, larger } from './amounts.js';

/** A schedule with more intervals than this is drawn as a slope. */
const MOST_INTERVALS = 60;

/** Makes the rule ignore what stopped the stream and what was withdrawn. */
const UNTOUCHED = { isActive: true, isPaused: false, withdrawnAmount: '0', claimableAmount: '0' };

/** A time in milliseconds; NaN if it is null, so that every comparison with it is false. */
export const msOf = seconds => (seconds === null ? NaN : seconds * 1000);

/** The amount that is released in each period since the last update; null if the schedule has fixed times. */
export function paceOf({ schedule, ratePerSecond }) {
  if (schedule.kind === 'interval') return { amount: big(schedule.amount), periodMs: msOf(schedule.everySeconds) };
  return schedule.kind === 'linear' || schedule.kind === 'cliff' ? { amount: big(ratePerSecond), periodMs: 1000 } : null;
}

/** How long it takes to release an amount at a pace; NaN if it never happens. */
function lastingMs(total, { amount, periodMs }) {
  return amount > 0n ? Number((larger(total, 0n) + amount - 1n) / amount) * periodMs : NaN;
}

/** When everything is released except steps that wait for a condition, if nothing stops the stream. */
export function endMs(stream) {
  const { schedule, lastUpdateTime, cliffTime } = stream;
  const deposited = big(stream.depositedAmount);
  if (schedule.kind === 'steps') return Math.max(0, ...schedule.steps.map(({ unlockTime }) => msOf(unlockTime ?? 0)));
  if (schedule.kind === 'cliffLump') {
    const tail = deposited - big(schedule.cliffAmount);
    return msOf(cliffTime) + (tail > 0n ? lastingMs(tail, { amount: big(stream.ratePerSecond), periodMs: 1000 }) : 0);
  }
  const runsDryMs = msOf(lastUpdateTime) + lastingMs(deposited - big(stream.withdrawnAmount), paceOf(stream));
  return schedule.kind === 'cliff' ? Math.max(runsDryMs, msOf(cliffTime)) : runsDryMs;
}

/** The time up to which the stream has released: a pause and the end of the stream stop it. */
export function stopsMs(stream, nowMs) {
  if (!stream.isActive) return msOf(stream.lastUpdateTime);
  return stream.isPaused ? msOf(stream.pausedAt) : nowMs;
}

/** The amount that is released by a time. `heldMs` delays what accrues. Assumes that what was withdrawn accrued at the
    present pace. */
function releasedAt(stream, atMs, heldMs = 0) {
  const pace = paceOf(stream);
  if (pace === null) return claimableAt({ ...stream, ...UNTOUCHED }, BigInt(atMs));
  if (stream.schedule.kind === 'cliff' && !(atMs >= msOf(stream.cliffTime))) return 0n;
  const schedule = stream.schedule.kind === 'cliff' ? { kind: 'linear' } : stream.schedule;
  const paidMs = pace.amount > 0n ? big(stream.withdrawnAmount) * BigInt(pace.periodMs) / pace.amount : 0n;
  return claimableAt({ ...stream, ...UNTOUCHED, schedule, cliffTime: null }, BigInt(atMs - heldMs) + paidMs);
}

/** The same, in the stream's present state: its end stops it, and a pause delays it until now. */
export function standsAt(stream, atMs, nowMs) {
  const untilMs = stopsMs(stream, nowMs);
  if (!stream.isActive) return atMs < untilMs ? releasedAt(stream, atMs) : big(stream.withdrawnAmount);
  if (!stream.isPaused || atMs <= untilMs) return releasedAt(stream, atMs);
  return atMs <= nowMs ? releasedAt(stream, untilMs) : releasedAt(stream, atMs, nowMs - untilMs);
}

/** The times at which the released amount jumps, starts to grow or stops growing. */
export function bendsOf(stream) {
  const { schedule, lastUpdateTime, pausedAt, cliffTime } = stream;
  const fixed = [msOf(pausedAt), msOf(cliffTime), endMs(stream)];
  if (schedule.kind === 'steps') return [...fixed, ...schedule.steps.map(({ unlockTime }) => msOf(unlockTime))];
  const pace = paceOf(stream);
  if (pace === null) return fixed;
  const beganMs = msOf(lastUpdateTime) - lastingMs(big(stream.withdrawnAmount), pace);
  const count = schedule.kind === 'interval' ? (endMs(stream) - beganMs) / pace.periodMs : 0;
  const ends = count <= MOST_INTERVALS ? Array.from({ length: count }, (_, at) => beganMs + (at + 1) * pace.periodMs) : [];
  return [...fixed, beganMs, ...ends];
}
