// @vitest-environment jsdom
import { render, renderHook } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import type { StreamRecord } from '../src/api-types';
import { useClaimable } from '../src/react';
import { hookHarness, pass } from './support/hooks';
import { stream } from './support/stream';

hookHarness();

describe('useClaimable', () => {
  const useAmount = (record: StreamRecord | undefined) =>
    renderHook((props: StreamRecord | undefined) => useClaimable(props), { initialProps: record });

  it("begins at the service's number and grows with time", async () => {
    const { result } = useAmount(stream({ calculatedAt: 150, claimableAmount: '500' }));
    expect(result.current).toBe(500n);
    await pass(10_000);
    expect(result.current).toBeGreaterThanOrEqual(599n);
    expect(result.current).toBeLessThanOrEqual(600n);
  });

  it('grows within a second', async () => {
    const { result } = useAmount(stream({ calculatedAt: 110, ratePerSecond: '10', claimableAmount: '100' }));
    await pass(520);
    expect(result.current).toBe(105n);
  });

  it('stops at what is left and asks for no more frames', async () => {
    const { result } = useAmount(stream({ calculatedAt: 199, claimableAmount: '990' }));
    await pass(5_000);
    expect(result.current).toBe(1_000n);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each<[string, Partial<StreamRecord>]>([
    ['a paused stream', { isPaused: true, pausedAt: 150, claimableAmount: '500', calculatedAt: 180 }],
    ['a stream paused beyond all dates', { isPaused: true, claimableAmount: '500', calculatedAt: 180 }],
    ['a cancelled stream', { isActive: false, claimableAmount: '0', calculatedAt: 180, status: 'cancelled' }],
    ['a completed stream', { isActive: false, withdrawnAmount: '1000', calculatedAt: 250, status: 'completed' }],
    ['an ended stream', { claimableAmount: '1000', calculatedAt: 250, status: 'ended' }],
  ])("%s stands at the service's number", async (_, fields) => {
    const record = stream(fields);
    const { result } = useAmount(record);
    expect(result.current).toBe(BigInt(record.claimableAmount ?? -1));
    await pass(60_000);
    expect(result.current).toBe(BigInt(record.claimableAmount ?? -1));
  });

  const steps = (...unlockTimes: (number | null)[]) => {
    const all = unlockTimes.map((unlockTime) => ({ unlockAmount: '100', unlockTime }));
    return { schedule: { kind: 'steps', steps: all }, ratePerSecond: '0', endTime: null } as const;
  };

  it('waits for the next step without a frame, and takes it at its second', async () => {
    const frames = vi.spyOn(globalThis, 'requestAnimationFrame');
    const { result } = useAmount(stream({ ...steps(140, 180), calculatedAt: 150, claimableAmount: '100' }));
    await pass(29_999);
    expect(result.current).toBe(100n);
    await pass(1);
    expect(result.current).toBe(200n);
    expect(frames).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for a step that is further away than a timer can wait', async () => {
    const inHundredDays = 100 + 100 * 86_400;
    const { result } = useAmount(stream(steps(inHundredDays)));
    await pass(100 * 86_400_000 - 1);
    expect(result.current).toBe(0n);
    await pass(1);
    expect(result.current).toBe(100n);
  });

  it('waits for nothing behind a step that is locked', () => {
    const { result } = useAmount(stream({ ...steps(140, null), calculatedAt: 150, claimableAmount: '100' }));
    expect(result.current).toBe(100n);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('grows by frames once a cliff is reached', async () => {
    const frames = vi.spyOn(globalThis, 'requestAnimationFrame');
    const { result } = useAmount(stream({ schedule: { kind: 'cliff', cliffTime: 150 }, cliffTime: 150 }));
    await pass(49_999);
    expect([result.current, frames.mock.calls.length]).toEqual([0n, 0]);
    await pass(1);
    expect(result.current).toBe(500n);
    await pass(1_020);
    expect(result.current).toBeGreaterThanOrEqual(510n);
  });

  it('forgets a wait when it is no longer shown', () => {
    const { unmount } = useAmount(stream(steps(140)));
    expect(vi.getTimerCount()).toBe(1);
    unmount();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not step back when a record comes that is some seconds old', async () => {
    const { result, rerender } = useAmount(stream({ calculatedAt: 150, claimableAmount: '500' }));
    await pass(4_000);
    rerender(stream({ calculatedAt: 152, claimableAmount: '520' }));
    await pass(20);
    expect(result.current).toBeGreaterThanOrEqual(540n);
  });

  it('follows a withdrawal at once', async () => {
    const { result, rerender } = useAmount(stream({ calculatedAt: 150, claimableAmount: '500' }));
    await pass(1_000);
    rerender(stream({ calculatedAt: 151, withdrawnAmount: '510', lastUpdateTime: 151, claimableAmount: '0' }));
    expect(result.current).toBe(0n);
    await pass(1_010);
    expect(result.current).toBe(10n);
  });

  it('is null while it is not known', () => {
    const unknown = { claimableAmount: null, claimableReason: 'notYetChecked' } as const;
    const { result } = useAmount(stream({ ...unknown, schedule: { kind: 'unknown', reason: 'notYetChecked' } }));
    expect(result.current).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is zero without a stream', () => {
    expect(useAmount(undefined).result.current).toBe(0n);
  });

  it('renders all amounts of a page in one frame', async () => {
    const Amount = ({ record }: { record: StreamRecord }) => <i>{String(useClaimable(record))}</i>;
    const frames = vi.spyOn(globalThis, 'requestAnimationFrame');
    render(
      <>
        {Array.from({ length: 50 }, (_, index) => (
          <Amount key={index} record={stream({ ratePerSecond: '1000', depositedAmount: '1000000' })} />
        ))}
      </>,
    );
    const before = frames.mock.calls.length;
    await pass(160);
    expect(frames.mock.calls.length - before).toBe(10);
  });
});
