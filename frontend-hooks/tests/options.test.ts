import { describe, expect, it, vi } from 'vitest';
import type { BackOff } from '../src/core/back-off';
import { connectionHarness } from './support/connection';
import { offline, settle } from './support/service';

const on = connectionHarness();

describe('a back-off', () => {
  it.each<[BackOff, number[]]>([
    [{ shortestMs: 0 }, [2_000, 4_000, 8_000]],
    [{ shortestMs: Number.NaN }, [2_000, 4_000, 8_000]],
    [{ shortestMs: -5 }, [2_000, 4_000, 8_000]],
    [{ shortestMs: 0, longestMs: 0 }, [2_000, 4_000, 8_000]],
    [{ shortestMs: Number.NaN, longestMs: Number.NaN }, [2_000, 4_000, 8_000]],
    [{ shortestMs: -5, longestMs: -5 }, [2_000, 4_000, 8_000]],
    [{ shortestMs: 0, longestMs: 3_000 }, [2_000, 3_000, 3_000]],
    [{ shortestMs: 1 }, [200, 400, 800]],
    [{ shortestMs: 1, longestMs: 1 }, [100, 100, 100]],
    [{ shortestMs: 5_000, longestMs: 1_000 }, [5_000, 5_000, 5_000]],
    [{ shortestMs: 1_000, longestMs: Number.POSITIVE_INFINITY }, [2_000, 4_000, 8_000]],
    [{ shortestMs: Number.POSITIVE_INFINITY }, [86_400_000, 86_400_000]],
  ])('of %o waits %o', async (backOff, waits) => {
    on.service.next(...waits.map(() => offline));
    on.open({ random: () => 1, backOff });
    for (const ms of waits) await on.comesBackAfter(ms);
  });

  it('without a longest wait still knows how long to wait after a thousand failures', async () => {
    on.service.next(...Array.from({ length: 1_100 }, () => offline));
    on.open({ backOff: { shortestMs: 100, longestMs: Number.POSITIVE_INFINITY } });
    await vi.advanceTimersByTimeAsync(100 * 1_050);
    for (let failed = 0; failed < 10; failed += 1) await on.comesBackAfter(100);
  });

  it.each([0, -1, Number.NaN, undefined])('with %o attempts does not give up', async (attempts) => {
    on.service.next(...Array.from({ length: 9 }, () => offline));
    on.open({ backOff: { attempts } });
    for (let failed = 1; failed <= 9; failed += 1) await on.comesBackAfter(1_000);
  });
});

describe('heartbeats', () => {
  it.each([0, -5, Number.NaN])('every %o ms are those that the service sends by default', async (heartbeatMs) => {
    await on.opened({ heartbeatMs });
    await vi.advanceTimersByTimeAsync(37_499);
    expect(on.status()).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(on.status()).toBe('reconnecting');
  });

  it('never are waited for up to two and a half days', async () => {
    await on.opened({ heartbeatMs: Number.POSITIVE_INFINITY });
    await vi.advanceTimersByTimeAsync(2 * 86_400_000);
    await settle();
    expect(on.status()).toBe('open');
  });
});
