import { describe, expect, it } from 'vitest';
import { type Accruing, claimableAt } from '../src/core/accrual';
import { growsAt } from '../src/core/growth';
import { secondAnswers } from './support/contract-histories';
import { stream } from './support/stream';

const LAST_DATE_MS = 253_402_300_799_000n;

const grows = (fields: Partial<Accruing>, unixMs: bigint) => growsAt({ ...stream(), ...fields }, unixMs);

describe('what can be claimed grows', () => {
  const lump = { schedule: { kind: 'cliffLump', cliffTime: 150, cliffAmount: '300' }, cliffTime: 150 } as const;
  const steps = {
    schedule: {
      kind: 'steps',
      steps: [150, 160, null, 170].map((unlockTime) => ({ unlockAmount: '100', unlockTime })),
    },
    ratePerSecond: '0',
  } as const;
  const interval = { schedule: { kind: 'interval', amount: '7', everySeconds: 20 } } as const;

  it.each<[string, Partial<Accruing>, bigint, bigint | undefined]>([
    ['now while it accrues by the second', {}, 150_001n, 150_001n],
    ['never once all of it can be claimed', {}, 200_000n, undefined],
    ['when it begins', {}, 50_000n, 100_000n],
    ['never if it begins beyond all dates', { lastUpdateTime: null }, 50_000n, undefined],
    ['not while it is paused', { isPaused: true, pausedAt: 120 }, 150_000n, undefined],
    ['not once it is cancelled', { isActive: false }, 150_000n, undefined],
    ['not without a rate', { ratePerSecond: '0' }, 150_000n, undefined],
    ['nobody knows when', { claimableAmount: null }, 150_000n, undefined],
    ['at the cliff', { schedule: { kind: 'cliff', cliffTime: 150 }, cliffTime: 150 }, 120_000n, 150_000n],
    ['now after the cliff', { schedule: { kind: 'cliff', cliffTime: 150 }, cliffTime: 150 }, 150_000n, 150_000n],
    ['never if the cliff lies beyond all dates', { schedule: { kind: 'cliff', cliffTime: null } }, 150_000n, undefined],
    ['at the lump', lump, 120_000n, 150_000n],
    ['now after the lump', lump, 150_000n, 150_000n],
    ['at the first step', steps, 120_000n, 150_000n],
    ['at the next step', steps, 150_000n, 160_000n],
    ['never behind a step that is locked', steps, 160_000n, undefined],
    ['at the end of the first interval', interval, 50_000n, 120_000n],
    ['at the end of the next interval', interval, 120_000n, 140_000n],
    ['never by empty intervals', { schedule: { ...interval.schedule, amount: '0' } }, 120_000n, undefined],
  ])('%s', (_, fields, unixMs, expected) => {
    expect(grows(fields, unixMs)).toBe(expected);
  });

  it('at that time and not before, at every step of thirty histories', () => {
    const seen = { flows: 0, jumps: 0, stands: 0 };
    for (const { stream, atSeconds } of secondAnswers()) {
      const nowMs = BigInt(atSeconds) * 1_000n;
      const [now, growsMs] = [claimableAt(stream, nowMs), growsAt(stream, nowMs)];
      const isSameAt = (unixMs: bigint) => claimableAt(stream, unixMs) === now;
      expect(isSameAt(growsMs === undefined ? LAST_DATE_MS : growsMs > nowMs ? growsMs - 1n : nowMs)).toBe(true);
      // A second at the smallest rate is one unit.
      if (growsMs !== undefined) expect(isSameAt(growsMs + 1_000n)).toBe(false);
      seen[growsMs === undefined ? 'stands' : growsMs > nowMs ? 'jumps' : 'flows'] += 1;
    }
    expect(seen).toEqual({ flows: 478, jumps: 198, stands: 2_317 });
  });
});
