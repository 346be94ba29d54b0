// @vitest-environment jsdom
import { act, renderHook } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { useFreshness, type UseFreshnessOptions } from '../src/react';
import { hookHarness, pass, settleUntil } from './support/hooks';
import { answer, json, offline, refusal } from './support/service';

const on = hookHarness();
const closedAt = '2026-11-27T00:00:00Z';

/** Returns what a status says of an index, or of one contract, whose last whole ledger is that old. */
function position(ledger: number, age: number, reasons: string[] = []) {
  return { lastWholeLedger: ledger, lastWholeLedgerClosedAt: closedAt, lastWholeLedgerClosedSecondsAgo: age, reasons };
}

function status(ledger: number, age: number, reasons: string[] = []) {
  return json({ ...position(ledger, age, reasons), contracts: [] });
}

const watch = (options: UseFreshnessOptions = {}) =>
  renderHook((props: UseFreshnessOptions) => useFreshness(props), { initialProps: options, wrapper: on.Provider });

function become(visibilityState: DocumentVisibilityState): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(visibilityState);
  document.dispatchEvent(new Event('visibilitychange'));
}

describe('useFreshness', () => {
  it('knows nothing before the first answer, then what the service says', async () => {
    on.service.next(status(100, 3));
    const { result } = watch();
    expect(result.current).toMatchObject({ ledger: undefined, secondsAgo: undefined, isReady: undefined, reasons: [] });
    await settleUntil(() => result.current.ledger === 100);
    expect(result.current).toEqual({ ledger: 100, closedAt, secondsAgo: 3, isReady: true, reasons: [], error: undefined });
    expect(on.service.requests.map(({ url }) => url.pathname)).toEqual(['/v1/status']);
  });

  it('counts on between answers, whatever the clock on the wall says', async () => {
    on.service.next(status(100, 3));
    const { result } = watch();
    await settleUntil(() => result.current.ledger === 100);
    vi.setSystemTime('2001-01-01T00:00:00Z');
    await pass(4_020);
    expect(result.current.secondsAgo).toBe(7);
  });

  it('asks every ten seconds and takes over a newer ledger', async () => {
    on.service.next(status(100, 3), status(102, 1));
    const { result } = watch();
    await pass(9_900);
    expect(on.service.requests.length).toBe(1);
    await pass(200);
    expect(result.current).toMatchObject({ ledger: 102, secondsAgo: 1 });
    expect(on.service.requests.length).toBe(2);
  });

  it.each([undefined, 'C'])('says that it failed where an answer is not a status: %s', async (contractId) => {
    on.service.next(json({}), status(100, 3));
    const { result } = watch({ contractId });
    await settleUntil(() => result.current.error !== undefined);
    await pass(10_020);
    expect(result.current.error).toBeUndefined();
  });

  it.each([
    [0, 10_000],
    [-5, 10_000],
    [Number.NaN, 10_000],
    [5, 1_000],
  ])('asked to ask every %o ms asks every %i ms', async (refreshMs, everyMs) => {
    on.service.next(...Array.from({ length: 100 }, () => status(100, 3)));
    watch({ refreshMs });
    await pass(everyMs * 5 + 500);
    expect(on.service.requests.length).toBe(6);
  });

  it('asks once if it is never to ask again', async () => {
    on.service.next(status(100, 3));
    watch({ refreshMs: Number.POSITIVE_INFINITY });
    await pass(600_000);
    expect(on.service.requests.length).toBe(1);
  });

  it('does not run backwards where two answers round the age of one ledger differently', async () => {
    on.service.next(status(100, 3), status(100, 12));
    const { result } = watch();
    await pass(10_020);
    expect(on.service.requests.length).toBe(2);
    expect(result.current.secondsAgo).toBe(13);
  });

  it('takes the service at its word where the clock here stood still', async () => {
    on.service.next(status(100, 3), status(100, 3_600, ['the source has been away for 3600 s']));
    const { result } = watch();
    await pass(10_020);
    expect(result.current).toMatchObject({ ledger: 100, secondsAgo: 3_600, isReady: false });
  });

  it('says why the index is not to be relied on', async () => {
    on.service.next(status(100, 95, ['40 ledgers behind the tip']));
    const { result } = watch();
    await settleUntil(() => result.current.ledger === 100);
    expect(result.current).toMatchObject({ isReady: false, reasons: ['40 ledgers behind the tip'] });
  });

  it.each([
    ['has no network', offline],
    ['is refused', refusal(503)],
    ['is hidden by a proxy that says null', json(null)],
    ['is hidden by a page of a proxy', answer(200, '<html>')],
    ['is hidden by a gateway that wants a token', answer(401, '<html>')],
  ])('never freezes: the age counts on while it %s, and the next answer mends it', async (_, failure) => {
    on.service.next(status(100, 3), failure, failure, status(105, 2));
    const { result } = watch();
    await pass(10_020);
    expect(result.current).toMatchObject({ ledger: 100, secondsAgo: 13, isReady: undefined });
    expect(result.current.error).toBeInstanceOf(Error);
    await pass(7_000);
    expect(result.current.secondsAgo).toBe(20);
    await pass(13_000);
    expect(result.current).toMatchObject({ ledger: 105, secondsAgo: 2, isReady: true, error: undefined });
  });

  it('gives up a request that is never answered', async () => {
    on.service.next(status(100, 3), () => new Promise(() => undefined), status(104, 2));
    const { result } = watch({ refreshMs: 2_000 });
    await pass(11_900);
    expect(result.current).toMatchObject({ isReady: true, secondsAgo: 14 });
    await pass(200);
    expect(result.current.isReady).toBeUndefined();
    expect(result.current.error?.message).toBe('the service does not answer');
    await pass(2_000);
    expect(result.current).toMatchObject({ ledger: 104, isReady: true, error: undefined });
  });

  it('asks nothing while the page is hidden, and at once when it is shown', async () => {
    on.service.next(status(100, 3), status(120, 1));
    const { result } = watch();
    await settleUntil(() => result.current.ledger === 100);
    become('hidden');
    await pass(60_000);
    expect(on.service.requests.length).toBe(1);
    act(() => become('visible'));
    await settleUntil(() => result.current.ledger === 120);
    expect(on.service.requests.length).toBe(2);
  });

  it('speaks of one contract where one is named', async () => {
    const contracts = [
      { contractId: 'C1', ...position(100, 3) },
      { contractId: 'C2', ...position(90, 53, ['10 ledgers behind the tip']) },
    ];
    const whole = json({ ...position(90, 53, ['10 ledgers behind the tip (contract C2)']), contracts });
    on.service.next(whole, whole, whole);
    const { result, rerender } = watch({ contractId: 'C1' });
    await settleUntil(() => result.current.ledger === 100);
    expect(result.current).toMatchObject({ secondsAgo: 3, isReady: true });
    rerender({ contractId: 'C2' });
    await settleUntil(() => result.current.ledger === 90);
    expect(result.current).toMatchObject({ isReady: false, reasons: ['10 ledgers behind the tip'] });
    rerender({ contractId: 'C3' });
    await settleUntil(() => result.current.reasons.length > 0);
    expect(result.current).toMatchObject({ ledger: undefined, secondsAgo: undefined, isReady: false });
  });

  it('is silent once nobody listens', async () => {
    on.service.next(status(100, 3));
    const { result, unmount } = watch();
    await settleUntil(() => result.current.ledger === 100);
    unmount();
    expect(vi.getTimerCount()).toBe(0);
  });
});
