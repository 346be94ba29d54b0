import { describe, expect, it } from 'vitest';
import { type Accruing, claimableAt, isAccruing } from '../src/core/accrual';
import { LedgerClock } from '../src/core/ledger-clock';
import { contractAnswers } from './support/contract-histories';
import { stream } from './support/stream';

const LARGEST = 2n ** 127n - 1n;
const SMALLEST = -(2n ** 127n);

describe('what can be claimed', () => {
  it('is what the contract answers, at every step of twenty histories', () => {
    const answers = contractAnswers();
    expect(answers.length).toBe(567);
    for (const { stream, atSeconds, amount } of answers) {
      expect(claimableAt(stream, BigInt(atSeconds) * 1_000n).toString()).toBe(amount);
    }
  });

  const cases: [string, Partial<Accruing>, number, bigint][] = [
    ['nothing before it begins', {}, 99, 0n],
    ['nothing when it begins', {}, 100, 0n],
    ['the rate times the seconds', {}, 150, 500n],
    ['all of it at the end', {}, 200, 1_000n],
    ['no more than all of it after the end', {}, 10_000, 1_000n],
    ['what is left of it after a withdrawal', { withdrawnAmount: '400', lastUpdateTime: 140 }, 10_000, 600n],
    ['what a last second adds in part', { depositedAmount: '995' }, 200, 995n],
    ['what it was when it was paused', { isPaused: true, pausedAt: 150 }, 10_000, 500n],
    ['nothing if it was paused before it accrues', { isPaused: true, pausedAt: 50 }, 10_000, 0n],
    ['what accrues where a pause has no beginning', { isPaused: true, pausedAt: null }, 150, 500n],
    ['nothing while a resume lies ahead', { lastUpdateTime: 5_000 }, 4_000, 0n],
    ['nothing once it is cancelled', { isActive: false }, 150, 0n],
    ['nothing once it is cancelled while paused and resumed', { isActive: false, lastUpdateTime: 5_000 }, 50_000, 0n],
    ['nothing at no rate', { ratePerSecond: '0' }, 150, 0n],
    ['nothing at a rate below zero', { ratePerSecond: '-10' }, 150, 0n],
    ['nothing where more was paid than put in', { withdrawnAmount: '1001' }, 150, 0n],
    ['what is left where the product has no room', { ratePerSecond: `${LARGEST}` }, 150, 1_000n],
    ['nothing where a product below zero has no room', { ratePerSecond: `${SMALLEST}` }, 150, 0n],
    ['the largest amount at the most', { depositedAmount: `${LARGEST}`, ratePerSecond: `${LARGEST}` }, 150, LARGEST],
    [
      'the largest amount where the difference has no room',
      { depositedAmount: `${LARGEST}`, withdrawnAmount: '-1', ratePerSecond: `${LARGEST}` },
      150,
      LARGEST,
    ],
    ['nothing where the last update lies beyond all dates', { lastUpdateTime: null }, 253_402_300_799, 0n],
  ];

  it.each(cases)('is %s', (_, fields, atSeconds, expected) => {
    expect(claimableAt(stream(fields), BigInt(atSeconds) * 1_000n)).toBe(expected);
  });

  it('grows between two seconds, from the one number to the other', () => {
    const at = (unixMs: bigint) => claimableAt(stream({ ratePerSecond: '3' }), unixMs);
    expect([at(110_000n), at(110_333n), at(110_334n), at(110_999n), at(111_000n)]).toEqual([30n, 30n, 31n, 32n, 33n]);
  });
});

describe('a stream accrues', () => {
  it('until all of it can be claimed', () => {
    expect(isAccruing(stream(), 199_999n)).toBe(true);
    expect(isAccruing(stream(), 200_000n)).toBe(false);
  });

  it('before it begins, as it will', () => {
    expect(isAccruing(stream(), 50_000n)).toBe(true);
  });

  it.each<[string, Partial<Accruing>]>([
    ['paused', { isPaused: true, pausedAt: 120 }],
    ['cancelled', { isActive: false }],
    ['without a rate', { ratePerSecond: '0' }],
  ])('not if it is %s', (_, fields) => {
    expect(isAccruing(stream(fields), 150_000n)).toBe(false);
  });
});

describe("the network's clock", () => {
  it('knows nothing before the first ledger', () => {
    expect(new LedgerClock().at(1_000)).toBeUndefined();
  });

  it('runs on from the last ledger', () => {
    const clock = new LedgerClock();
    clock.sample(100, 1_000);
    expect([clock.at(1_000), clock.at(3_500)]).toEqual([100_000n, 102_500n]);
  });

  it('is moved forward by a ledger that is ahead of it', () => {
    const clock = new LedgerClock();
    clock.sample(100, 1_000);
    clock.sample(105, 4_000);
    expect(clock.at(4_000)).toBe(105_000n);
  });

  it('does not step back for the seconds that have passed since a ledger', () => {
    const clock = new LedgerClock();
    clock.sample(100, 1_000);
    clock.sample(100, 5_000);
    expect(clock.at(5_000)).toBe(104_000n);
  });

  it('steps back to the ledger when the network has stopped', () => {
    const clock = new LedgerClock();
    clock.sample(100, 1_000);
    clock.sample(100, 16_000);
    expect(clock.at(16_000)).toBe(115_000n);
    clock.sample(100, 16_001);
    expect(clock.at(16_001)).toBe(100_000n);
  });
});
