import { describe, expect, it } from 'vitest';
import { type Accruing, claimableAt } from '../src/core/accrual';
import { LedgerClock } from '../src/core/ledger-clock';
import { type ContractAnswer, firstAnswers, secondAnswers } from './support/contract-histories';
import { stream } from './support/stream';

const LARGEST = 2n ** 127n - 1n;
const SMALLEST = -(2n ** 127n);

function expectAnswer({ stream, atSeconds, amount }: ContractAnswer): void {
  expect(claimableAt(stream, BigInt(atSeconds) * 1_000n)?.toString()).toBe(amount);
}

describe('what can be claimed', () => {
  it('is what the contract answers, at every step of twenty histories', () => {
    const answers = firstAnswers();
    expect(answers.length).toBe(567);
    answers.forEach(expectAnswer);
  });

  it("is what the contract's second version answers, at every step of thirty histories, for every schedule", () => {
    const answers = secondAnswers();
    answers.forEach(expectAnswer);
    const kinds = answers.map(({ stream }) => stream.schedule.kind);
    const countOf = (kind: string) => kinds.filter((other) => other === kind).length;
    expect(['linear', 'cliff', 'cliffLump', 'steps'].map(countOf)).toEqual([1_244, 644, 313, 792]);
  });

  it('never leaves the span between two whole seconds', () => {
    for (const { stream, atSeconds } of secondAnswers()) {
      const fromMs = BigInt(atSeconds) * 1_000n;
      const [from, between, to] = [0n, 500n, 1_000n].map((ms) => claimableAt(stream, fromMs + ms) ?? -1n);
      expect([from! <= between!, between! <= to!]).toEqual([true, true]);
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
    ["the service's number where a pause has no time", { isPaused: true, claimableAmount: '70' }, 150, 70n],
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

  const cliff = (cliffTime: number | null) => ({ schedule: { kind: 'cliff', cliffTime }, cliffTime }) as const;
  const lump = (cliffTime: number | null) =>
    ({ schedule: { kind: 'cliffLump', cliffTime, cliffAmount: '300' }, cliffTime }) as const;
  const steps = (...unlockTimes: (number | null)[]) => {
    const all = unlockTimes.map((unlockTime, at) => ({ unlockAmount: `${100 + at}`, unlockTime }));
    return { schedule: { kind: 'steps', steps: all }, ratePerSecond: '0' } as const;
  };
  const interval = (everySeconds: number) => ({ schedule: { kind: 'interval', amount: '7', everySeconds } }) as const;
  const unknown = { schedule: { kind: 'unknown', reason: 'unknownField' }, claimableAmount: null } as const;

  const schedules: [string, Partial<Accruing>, bigint, bigint | null][] = [
    ['nothing just before a cliff', cliff(150), 149_999n, 0n],
    ['all that has accrued at a cliff', cliff(150), 150_000n, 500n],
    ['nothing before a cliff that lies beyond all dates', cliff(null), 253_402_300_799_000n, 0n],
    ['nothing while a pause began before a cliff', { ...cliff(150), isPaused: true, pausedAt: 149 }, 900_000n, 0n],
    ['nothing just before a lump', lump(150), 149_999n, 0n],
    ['a lump at its time', lump(150), 150_000n, 300n],
    ['a lump and what accrued since', lump(150), 160_500n, 405n],
    ['all of it at the end of the tail', lump(150), 900_000n, 1_000n],
    ['a lump less what was withdrawn', { ...lump(150), withdrawnAmount: '250', lastUpdateTime: 155 }, 160_000n, 150n],
    ['nothing of a lump that lies beyond all dates', lump(null), 253_402_300_799_000n, 0n],
    ['nothing before a cliff that the schedule does not tell', { ...steps(150), cliffTime: 170 }, 169_999n, 0n],
    ['nothing just before the first step', steps(150, 160), 149_999n, 0n],
    ['the first step at its time, and nothing between two', steps(150, 160), 159_999n, 100n],
    ['every step that is open', steps(150, 160), 160_000n, 201n],
    ['no step behind one that is locked', steps(150, null, 120), 900_000n, 100n],
    ['the open steps less what was withdrawn', { ...steps(150, 160), withdrawnAmount: '150' }, 160_000n, 51n],
    ['no step during a pause that began before', { ...steps(150, 160), isPaused: true, pausedAt: 155 }, 900_000n, 100n],
    ['nothing before the first interval ends', interval(20), 119_999n, 0n],
    ['an amount for each whole interval', interval(20), 159_999n, 14n],
    ['nothing where an interval has no length', interval(0), 900_000n, 0n],
    ['unknown where the schedule is', unknown, 150_000n, null],
    ['unknown where the schedule of a cancelled stream is', { ...unknown, isActive: false }, 150_000n, null],
    ['unknown once the contract deleted the record', { isActive: false, claimableAmount: null }, 150_000n, null],
  ];

  it.each(schedules)('is %s', (_, fields, unixMs, expected) => {
    expect(claimableAt({ ...stream(), ...fields }, unixMs)).toBe(expected);
  });

  it('is unknown where the service has a schedule that this version does not know', () => {
    const newer = { kind: 'ofANewerVersion' } as unknown as Accruing['schedule'];
    expect(claimableAt(stream({ schedule: newer }), 150_000n)).toBeNull();
  });

  it("is unknown where a contract's own record does not tell the time of a pause", () => {
    const { claimableAmount: _, ...ofContract } = stream({ isPaused: true });
    expect(claimableAt(ofContract, 150_000n)).toBeNull();
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
