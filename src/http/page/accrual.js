// Made from frontend-hooks/src/core/accrual.ts by `npm run page`; not to be edited.

const LARGEST_AMOUNT = 2n ** 127n - 1n;
/**
 * Returns what the recipient can claim at a Unix time in milliseconds, up to the year 9999, by the contract's own rule:
 * nothing unless the stream is active, nothing before its cliff, else what its schedule has released (up to the pause,
 * if paused) and was not withdrawn, and never more than is left; null if it is not known. At a whole second it is the
 * service's number. Between two, what accrues by the second is the part of it that has passed.
 */
export function claimableAt(stream, unixMs) {
    const { isActive, isPaused, pausedAt, schedule, cliffTime, claimableAmount } = stream;
    if (schedule.kind === 'unknown' || claimableAmount === null)
        return null;
    if (!isActive)
        return 0n;
    // A pause without a time stands at the service's number.
    if (isPaused && pausedAt === null)
        return claimableAmount === undefined ? null : BigInt(claimableAmount);
    const nowMs = isPaused && pausedAt !== null ? msOf(pausedAt) : unixMs;
    if (cliffTime !== null && nowMs < msOf(cliffTime))
        return 0n;
    const released = releasedAt(stream, nowMs);
    return released === null ? null : smaller(atLeastZero(released), leftIn(stream));
}
/** Returns what is left in a stream and not paid out, never below zero. */
export function leftIn({ depositedAmount, withdrawnAmount }) {
    return smaller(atLeastZero(BigInt(depositedAmount) - BigInt(withdrawnAmount)), LARGEST_AMOUNT);
}
/** Returns a Unix time in milliseconds. */
export function msOf(seconds) {
    return BigInt(seconds) * 1000n;
}
/** Returns what the schedule has released and was not withdrawn, not yet held within its bounds; null if it is unknown. */
function releasedAt(stream, nowMs) {
    const { schedule, lastUpdateTime, ratePerSecond, withdrawnAmount } = stream;
    const flowed = (sinceMs) => (sinceMs * BigInt(ratePerSecond)) / 1000n;
    switch (schedule.kind) {
        case 'steps':
            return openedAt(schedule.steps, nowMs) - BigInt(withdrawnAmount);
        case 'cliffLump':
            if (!isReached(schedule.cliffTime, nowMs))
                return 0n;
            return BigInt(schedule.cliffAmount) + flowed(msSince(schedule.cliffTime, nowMs)) - BigInt(withdrawnAmount);
        case 'interval': {
            const intervalMs = msOf(schedule.everySeconds);
            return intervalMs > 0n ? (msSince(lastUpdateTime, nowMs) / intervalMs) * BigInt(schedule.amount) : 0n;
        }
        case 'cliff':
            return isReached(schedule.cliffTime, nowMs) ? flowed(msSince(lastUpdateTime, nowMs)) : 0n;
        case 'linear':
            return flowed(msSince(lastUpdateTime, nowMs));
        default:
            return null; // a newer service may know more schedules
    }
}
/** Returns the sum of the steps that are open, up to the first that is not. */
function openedAt(steps, nowMs) {
    const closed = steps.findIndex(({ unlockTime }) => !isReached(unlockTime, nowMs));
    const opened = closed < 0 ? steps : steps.slice(0, closed);
    return opened.reduce((sum, { unlockAmount }) => sum + BigInt(unlockAmount), 0n);
}
/** A time that the service leaves out lies beyond the year 9999. */
function isReached(seconds, nowMs) {
    return seconds !== null && msOf(seconds) <= nowMs;
}
function msSince(seconds, nowMs) {
    return seconds === null ? 0n : atLeastZero(nowMs - msOf(seconds));
}
function smaller(a, b) {
    return a < b ? a : b;
}
function atLeastZero(amount) {
    return amount > 0n ? amount : 0n;
}
