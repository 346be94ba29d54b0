// @vitest-environment jsdom
import { act, render, renderHook } from '@testing-library/react';
import { StrictMode } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { useConnectionState, useStreamEvents, type UseStreamEventsOptions } from '../src/react';
import { hookHarness, pass, settleUntil } from './support/hooks';
import { changedFrame, eventFrame, id, notice, offline, refusal, resumeId, revisedFrame } from './support/service';

const on = hookHarness();

describe('useStreamEvents', () => {
  const useEvents = (options: UseStreamEventsOptions = { streamIds: ['7'] }) =>
    renderHook((props) => useStreamEvents(props), { initialProps: options, wrapper: on.Provider });

  it('shows the events newest first and how the connection is', async () => {
    const { result } = useEvents();
    expect(result.current).toMatchObject({ events: [], connected: false, reconnecting: false, error: null });
    await on.letIn();
    expect(result.current).toMatchObject({ connected: true, lastEventId: id(1) });
    await on.send(eventFrame(2) + eventFrame(3, { type: 'stream.paused' }));
    expect(result.current.events).toMatchObject([
      { type: 'stream.paused', data: { id: id(3) }, timestamp: Date.parse('2026-11-27T00:00:00Z') },
      { type: 'stream.withdrawn', data: { id: id(2), amount: '1000' } },
    ]);
    expect(result.current.lastEventId).toBe(id(3));
  });

  it('asks by the names that a dashboard uses', async () => {
    useEvents({ streamIds: ['7'], userPublicKeys: ['G1'], types: ['stream.paused'], subscribeToAll: true });
    await settleUntil(() => on.service.requests.length === 1);
    expect(Object.fromEntries(on.service.stream.url.searchParams)).toEqual({
      streams: '7',
      users: 'G1',
      types: 'stream.paused',
      all: 'true',
    });
  });

  it('keeps the last hundred and tells of every one', async () => {
    const onEvent = vi.fn();
    const { result } = useEvents({ streamIds: ['7'], onEvent });
    await on.letIn();
    await on.send(Array.from({ length: 250 }, (_, index) => eventFrame(index + 2)).join(''));
    expect(result.current.events.length).toBe(100);
    expect(result.current.events[0]?.data.id).toBe(id(251));
    expect(onEvent).toHaveBeenCalledTimes(250);
  });

  it('keeps as many as it is told', async () => {
    const { result } = useEvents({ streamIds: ['7'], limit: 2 });
    await on.letIn();
    await on.send(eventFrame(2));
    await on.send(eventFrame(3));
    await on.send(eventFrame(4));
    expect(result.current.events.map(({ data }) => data.id)).toEqual([id(4), id(3)]);
  });

  it('clears what it shows and goes on', async () => {
    const { result } = useEvents();
    await on.letIn();
    await on.send(eventFrame(2));
    act(() => result.current.clearEvents());
    expect(result.current.events).toEqual([]);
    on.service.stream.send(eventFrame(3));
    await pass(5);
    act(() => result.current.clearEvents());
    await on.send(eventFrame(4));
    expect(result.current.events.map(({ data }) => data.id)).toEqual([id(4)]);
  });

  it('says that it reconnects and why, and that it stopped', async () => {
    const { result } = useEvents();
    await on.letIn();
    on.service.stream.fail();
    await pass(20);
    expect(result.current).toMatchObject({ connected: false, reconnecting: true, error: { message: 'network error' } });
    on.service.next(refusal(403));
    await pass(3_000);
    expect(result.current).toMatchObject({ connected: false, reconnecting: false, error: { status: 403 } });
  });

  it('tells of a reset, of revised events and of changed streams, by the callbacks of the last render', async () => {
    const [onReset, onRevised, onChanged, unused] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
    const { rerender } = useEvents({ streamIds: ['7'], onReset: unused, onRevised: unused, onChanged: unused });
    rerender({ streamIds: ['7'], onReset, onRevised, onChanged });
    await on.letIn();
    const reset = { reason: 'beforeOldest', oldestEventId: id(1), newestEventId: id(2) };
    await on.send(notice('reset', reset) + revisedFrame(resumeId(1, 1)) + changedFrame(resumeId(1, 2)));
    expect(onReset).toHaveBeenCalledExactlyOnceWith(reset);
    expect(onRevised).toHaveBeenCalledExactlyOnceWith({ fromId: id(1), toId: id(2) });
    expect(onChanged).toHaveBeenCalledExactlyOnceWith({ streams: [{ contractId: 'C', streamId: '7' }] });
    expect(unused).not.toHaveBeenCalled();
  });

  it('does nothing while it asks for nothing', async () => {
    const { result, rerender } = useEvents({ streamIds: [] });
    await pass(1_000);
    expect(on.service.requests.length).toBe(0);
    expect(result.current).toMatchObject({ connected: false, reconnecting: false, error: null });
    rerender({ streamIds: ['7'] });
    await settleUntil(() => on.service.requests.length === 1);
  });

  it('keeps its connection when it is rendered with the same filter made anew', async () => {
    const { rerender } = useEvents({ streamIds: ['7', '8'], auth: { token: async () => 'token' } });
    await on.letIn();
    rerender({ streamIds: ['8', '7'], auth: { token: async () => 'token' } });
    await pass(5_000);
    expect(on.service.requests.length).toBe(1);
  });

  it('begins anew with another filter, and lets the old connection go', async () => {
    const { result, rerender } = useEvents();
    await on.letIn();
    await on.send(eventFrame(2));
    rerender({ streamIds: ['8'] });
    expect(result.current.events).toEqual([]);
    await settleUntil(() => on.service.streams.length === 2);
    await pass(1_000);
    expect(on.service.streams.map((opened) => opened.isClosed())).toEqual([true, false]);
  });

  it('opens one connection in strict mode, and loses none of its events', async () => {
    const onEvent = vi.fn();
    const Log = () => <p>{useStreamEvents({ streamIds: ['7'], onEvent }).events.length}</p>;
    const { container } = render(
      <StrictMode>
        <on.Provider>
          <Log />
        </on.Provider>
      </StrictMode>,
    );
    await on.letIn();
    await pass(5_000);
    await on.send(eventFrame(2));
    expect(container.textContent).toBe('1');
    expect(onEvent).toHaveBeenCalledTimes(1);
    expect(on.service.requests.length).toBe(1);
  });

  it('ends the connection when the last component is gone', async () => {
    const { unmount } = useEvents();
    const other = useEvents();
    await on.letIn();
    unmount();
    await pass(5_000);
    expect(on.service.stream.isClosed()).toBe(false);
    other.unmount();
    await pass(1_000);
    expect(on.service.stream.isClosed()).toBe(true);
    expect(on.service.requests.length).toBe(1);
  });

  it('goes on after a reload from the last id of the session', async () => {
    const session = { streamIds: ['7'], storage: 'session' as const };
    const first = useEvents(session);
    await on.letIn();
    await on.send(eventFrame(2));
    first.unmount();
    await pass(1_000);
    useEvents(session);
    await settleUntil(() => on.service.streams.length === 2);
    expect(on.service.stream.url.searchParams.get('lastEventId')).toBe(id(2));
    sessionStorage.clear();
  });
});

describe('a burst', () => {
  it('of a thousand events in a second renders at most sixty times and drops none', async () => {
    const onEvent = vi.fn();
    let renders = 0;
    const { result } = renderHook(
      () => {
        renders += 1;
        return useStreamEvents({ streamIds: ['7'], limit: 2_000, onEvent });
      },
      { wrapper: on.Provider },
    );
    await on.letIn();
    renders = 0;
    for (let number = 2; number <= 1_001; number += 1) {
      on.service.stream.send(eventFrame(number));
      await pass(1);
    }
    expect(renders).toBeGreaterThan(30);
    expect(renders).toBeLessThanOrEqual(60);
    await pass(20);
    expect(onEvent).toHaveBeenCalledTimes(1_000);
    const shown = result.current.events.map(({ data }) => data.id);
    expect(shown).toEqual(Array.from({ length: 1_000 }, (_, index) => id(1_001 - index)));
  });

  it('that comes at once renders once', async () => {
    let renders = 0;
    renderHook(
      () => {
        renders += 1;
        return useStreamEvents({ streamIds: ['7'] });
      },
      { wrapper: on.Provider },
    );
    await on.letIn();
    renders = 0;
    await on.send(Array.from({ length: 1_000 }, (_, index) => eventFrame(index + 2)).join(''));
    expect(renders).toBe(1);
  });
});

describe('useConnectionState', () => {
  it('says how the page is connected', async () => {
    const { result } = renderHook(() => {
      useStreamEvents({ streamIds: ['7'] });
      return useConnectionState();
    }, { wrapper: on.Provider });
    await on.letIn();
    expect(result.current).toMatchObject({ status: 'open', lastEventId: id(1) });
    on.service.stream.fail();
    await pass(20);
    expect(result.current).toMatchObject({ status: 'reconnecting', error: { message: 'network error' } });
  });

  it('says how many attempts failed before the page gave up', async () => {
    on.service.next(offline, offline, offline);
    const { result } = renderHook(() => {
      useStreamEvents({ streamIds: ['7'], backOff: { shortestMs: 100, attempts: 3 } });
      return useConnectionState();
    }, { wrapper: on.Provider });
    await settleUntil(() => result.current.attempt === 1);
    expect(result.current.retryAt).toBeGreaterThanOrEqual(Date.now() + 100);
    await pass(1_000);
    expect(result.current).toMatchObject({ status: 'closed', attempt: 3, retryAt: undefined });
  });
});
