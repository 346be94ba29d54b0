import { type Accruing, claimableAt, leftIn, msOf } from './accrual';

/**
 * Returns when what can be claimed grows next, in Unix milliseconds: the time itself while it grows by the second, else
 * the next step or cliff; undefined if nothing grows by itself any more, or nobody knows.
 */
export function growsAt(stream: Accruing, unixMs: bigint): bigint | undefined {
  const claimable = claimableAt(stream, unixMs);
  if (claimable === null || !stream.isActive || stream.isPaused || claimable >= leftIn(stream)) return undefined;
  const releasesMs = releasesAt(stream, unixMs);
  return releasesMs === undefined ? undefined : later(releasesMs, msOf(stream.cliffTime ?? 0));
}

/** Returns when the schedule releases more. */
function releasesAt({ schedule, lastUpdateTime, ratePerSecond }: Accruing, nowMs: bigint): bigint | undefined {
  const since = (seconds: number | null | undefined): bigint | undefined =>
    seconds === null || seconds === undefined ? undefined : later(msOf(seconds), nowMs);
  const flowsSince = (seconds: number | null): bigint | undefined =>
    BigInt(ratePerSecond) > 0n ? since(seconds) : undefined;
  switch (schedule.kind) {
    case 'linear':
      return flowsSince(lastUpdateTime);
    case 'cliff':
      return schedule.cliffTime === null ? undefined : flowsSince(lastUpdateTime);
    case 'cliffLump':
      return since(schedule.cliffTime) === nowMs ? flowsSince(schedule.cliffTime) : since(schedule.cliffTime);
    case 'steps':
      return since(schedule.steps.find(({ unlockTime }) => since(unlockTime) !== nowMs)?.unlockTime);
    case 'interval':
      return intervalEnds(schedule, lastUpdateTime, nowMs);
    default:
      return undefined;
  }
}

type Interval = Extract<Accruing['schedule'], { kind: 'interval' }>;

/** Returns the end of the interval that a time lies in. */
function intervalEnds({ amount, everySeconds }: Interval, beganAt: number | null, nowMs: bigint): bigint | undefined {
  if (beganAt === null || everySeconds === 0 || BigInt(amount) <= 0n) return undefined;
  const [beganMs, everyMs] = [msOf(beganAt), msOf(everySeconds)];
  const passed = nowMs < beganMs ? 0n : (nowMs - beganMs) / everyMs;
  return beganMs + (passed + 1n) * everyMs;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
