// @vitest-environment jsdom
import { act, renderHook } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import type { StreamRecord } from '../src/api-types';
import { useStream, useUserStreams } from '../src/react';
import { hookHarness, pass, settleUntil } from './support/hooks';
import { answer, changedFrame, eventFrame, json, notice, refusal, resumeId, revisedFrame } from './support/service';
import { stream } from './support/stream';

const on = hookHarness();

describe('useStream', () => {
  it('is live: opening, events, a reset and a revision each ask anew', async () => {
    const answers = vi.fn(() => stream({ withdrawnAmount: `${answers.mock.calls.length}` }));
    const routed = withRecords(answers);
    const { result } = renderHook(() => useStream('7', { fetch: routed }), { wrapper: on.Provider });
    expect(result.current).toMatchObject({ stream: undefined, loading: true, error: undefined });
    await settleUntil(() => result.current.stream?.withdrawnAmount === '1');
    expect(result.current.loading).toBe(false);
    await pass(2_000);
    await on.letIn();
    expect(result.current.stream?.withdrawnAmount).toBe('2');
    const frames = [eventFrame(2), notice('reset', {}), revisedFrame(resumeId(2, 1)), changedFrame(resumeId(2, 2))];
    for (const [index, frame] of frames.entries()) {
      await pass(2_000);
      await on.send(frame);
      expect(result.current.stream?.withdrawnAmount).toBe(`${index + 3}`);
    }
    await pass(2_000);
    await on.send(Array.from({ length: 50 }, (_, index) => eventFrame(index + 3)).join(''));
    await pass(1_000);
    expect(answers.mock.calls.length).toBe(8);
    for (let number = 53; number < 153; number += 1) await on.send(eventFrame(number));
    await pass(1_000);
    expect(answers.mock.calls.length).toBeLessThanOrEqual(12);
    expect(result.current.stream?.withdrawnAmount).toBe(`${answers.mock.calls.length}`);
  });

  it('asks now and then though nothing happened, for a clock that goes right', async () => {
    const answers = vi.fn(() => stream());
    renderHook(() => useStream('7', { fetch: withRecords(answers), refreshMs: 30_000 }), { wrapper: on.Provider });
    await pass(5_000);
    const before = answers.mock.calls.length;
    for (let beat = 0; beat < 6; beat += 1) {
      await pass(10_000);
      await on.send(': heartbeat\n\n');
    }
    expect(answers.mock.calls.length).toBe(before + 2);
    vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    await pass(30_000);
    expect(answers.mock.calls.length).toBe(before + 2);
  });

  it('gives up a request that is never answered, and asks again', async () => {
    const late = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(late.signal);
    const answers = vi.fn((signal: AbortSignal | null | undefined) => {
      if (answers.mock.calls.length > 1) return Promise.resolve(Response.json({ ...stream(), events: [] }));
      return new Promise<Response>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    });
    const routed = withRecords(() => stream());
    const silent: typeof fetch = (address, init) =>
      String(address).includes('/subscribe') ? routed(address, init) : answers(init?.signal);
    const { result } = renderHook(() => useStream('7', { fetch: silent }), { wrapper: on.Provider });
    await pass(1);
    expect(timeout).toHaveBeenCalledWith(30_000);
    late.abort(new DOMException('too late', 'TimeoutError'));
    await settleUntil(() => result.current.error !== undefined);
    expect(result.current.loading).toBe(false);
    await pass(60_000);
    await settleUntil(() => result.current.stream !== undefined);
    expect(result.current.error).toBeUndefined();
  });

  const intervals = [0, -5, Number.NaN, Number.POSITIVE_INFINITY];

  it.each(intervals)('does not ask all the time when told to ask every %o ms', async (refreshMs) => {
    const answers = vi.fn(() => stream());
    renderHook(() => useStream('7', { fetch: withRecords(answers), refreshMs }), { wrapper: on.Provider });
    await on.letIn();
    await pass(5_000);
    const before = answers.mock.calls.length;
    await pass(20_000);
    expect(answers.mock.calls.length).toBe(before);
  });

  it('keeps what it has when asking fails, says so, and asks again as told', async () => {
    let isAway = false;
    const answers = vi.fn(() => (isAway ? refusal(503, { 'retry-after': '5' }) : stream()));
    const options = { fetch: withRecords(answers), random: () => 0 };
    const { result } = renderHook(() => useStream('7', options), { wrapper: on.Provider });
    await settleUntil(() => result.current.stream !== undefined);
    await pass(2_000);
    isAway = true;
    act(() => result.current.refetch());
    await settleUntil(() => result.current.error !== undefined);
    expect(result.current).toMatchObject({ stream: { id: '7' }, loading: false, error: { status: 503 } });
    isAway = false;
    await pass(4_900);
    expect(result.current.error).toBeDefined();
    await pass(200);
    expect(result.current.error).toBeUndefined();
  });

  it('asks once for a stream that is not there, and again when it comes to be', async () => {
    let isThere = false;
    const answers = vi.fn(() => (isThere ? stream() : refusal(404)));
    const { result } = renderHook(() => useStream('7', { fetch: withRecords(answers) }), { wrapper: on.Provider });
    await on.letIn();
    await pass(10_000);
    expect(result.current).toMatchObject({ stream: undefined, error: { status: 404 } });
    const before = answers.mock.calls.length;
    isThere = true;
    await on.send(eventFrame(2, { type: 'stream.created' }));
    expect(answers.mock.calls.length).toBe(before + 1);
    expect(result.current).toMatchObject({ stream: { id: '7' }, error: undefined });
  });

  it('asks again for a stream that a proxy says is not there', async () => {
    const notFound = answer(404, 'null', { 'content-type': 'application/problem+json' });
    let isHidden = true;
    const answers = vi.fn(() => (isHidden ? notFound : stream()));
    const { result } = renderHook(() => useStream('7', { fetch: withRecords(answers) }), { wrapper: on.Provider });
    await settleUntil(() => result.current.error !== undefined);
    isHidden = false;
    await pass(3_000);
    expect(result.current).toMatchObject({ stream: { id: '7' }, error: undefined });
  });

  it.each(['{}', 'null', '<html>'])('does not take %s of a proxy for a stream, and asks again', async (body) => {
    const answers = vi.fn(() => (answers.mock.calls.length === 1 ? answer(200, body) : stream()));
    const options = { fetch: withRecords(answers), random: () => 0 };
    const { result } = renderHook(() => useStream('7', options), { wrapper: on.Provider });
    await settleUntil(() => result.current.error !== undefined);
    expect(result.current.stream).toBeUndefined();
    await pass(1_100);
    expect(result.current).toMatchObject({ stream: { id: '7' }, error: undefined });
  });

  it('waits for a proxy no longer than the longest back-off', async () => {
    let isAway = true;
    const away = answer(503, '<html>', { 'retry-after': '86400' });
    const options = { fetch: withRecords(() => (isAway ? away : stream())), backOff: { longestMs: 4_000 } };
    const { result } = renderHook(() => useStream('7', options), { wrapper: on.Provider });
    await settleUntil(() => result.current.error !== undefined);
    isAway = false;
    await pass(2_900);
    expect(result.current.error).toBeDefined();
    await pass(1_200);
    expect(result.current).toMatchObject({ stream: { id: '7' }, error: undefined });
  });

  it('renews its token once', async () => {
    const answers = vi.fn(() => stream());
    const refuseFirst = withRecords(answers);
    const seen: (string | null)[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const token = new Headers(init?.headers).get('authorization');
      if (!String(input).includes('/streams/')) return refuseFirst(input, init);
      seen.push(token);
      return token === 'Bearer stale' ? new Response(null, { status: 401 }) : refuseFirst(input, init);
    };
    const token = async (refused?: string) => (refused === undefined ? 'stale' : 'fresh');
    const { result } = renderHook(() => useStream('7', { fetch, auth: { token } }), { wrapper: on.Provider });
    await settleUntil(() => result.current.stream !== undefined);
    expect(seen.slice(0, 2)).toEqual(['Bearer stale', 'Bearer fresh']);
  });

  it('asks for another token each time that one is refused', async () => {
    let isLetIn = false;
    const token = vi.fn(async (refused?: string) => `${Number(refused ?? 0) + 1}`);
    const answers = () => (isLetIn ? stream() : answer(401, '<html>'));
    const options = { fetch: withRecords(answers), auth: { token }, random: () => 0 };
    const { result } = renderHook(() => useStream('7', options), { wrapper: on.Provider });
    await settleUntil(() => result.current.error !== undefined);
    token.mockClear();
    isLetIn = true;
    await pass(1_100);
    expect(token).toHaveBeenLastCalledWith('2');
    expect(result.current.error).toBeUndefined();
  });

  it('renews its token once after the service refused what it may do', async () => {
    const queue = [refusal(403)];
    const answers = () => queue.shift() ?? stream();
    const token = vi.fn(async (refused?: string) => (refused === undefined ? 'narrow' : 'wide'));
    const options = { fetch: withRecords(answers), auth: { token } };
    const { result } = renderHook(() => useStream('7', options), { wrapper: on.Provider });
    await settleUntil(() => result.current.stream !== undefined);
    expect(token).toHaveBeenCalledWith('narrow');
  });

  it('does nothing without an id', async () => {
    const { result } = renderHook(() => useStream(undefined), { wrapper: on.Provider });
    await pass(5_000);
    expect(on.service.requests.length).toBe(0);
    expect(result.current).toMatchObject({ stream: undefined, loading: false, error: undefined });
  });

  it('asks no more once it is gone', async () => {
    const answers = vi.fn(() => stream());
    const routed = withRecords(answers);
    const { unmount } = renderHook(() => useStream('7', { fetch: routed }), { wrapper: on.Provider });
    await on.letIn();
    unmount();
    const before = answers.mock.calls.length;
    await pass(120_000);
    expect(answers.mock.calls.length).toBe(before);
    expect(on.service.stream.isClosed()).toBe(true);
  });
});

/** Answers requests for records by a function, and all others as the service does. */
function withRecords(answers: () => StreamRecord | ReturnType<typeof refusal>): typeof globalThis.fetch {
  return async (input, init) => {
    if (!String(input).includes('/v1/streams')) return on.service.fetch(input, init);
    const answer = answers();
    return typeof answer === 'function' ? answer(new Request(String(input))) : Response.json({ ...answer, events: [] });
  };
}

describe('useUserStreams', () => {
  it('reads the streams of an address and follows its events', async () => {
    const list = (total: number) =>
      json({ data: [stream()], total, hasMore: true, limit: 1, offset: 0, nextCursor: 'next' });
    const urls: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (!String(input).includes('/v1/streams')) return on.service.fetch(input, init);
      urls.push(String(input));
      return list(urls.length)(new Request(String(input)));
    };
    const { result } = renderHook(() => useUserStreams('G1', { fetch, limit: 1 }), { wrapper: on.Provider });
    expect(result.current).toMatchObject({ streams: [], total: 0, hasMore: false, loading: true });
    await settleUntil(() => result.current.total === 1);
    expect(result.current).toMatchObject({ streams: [{ id: '7' }], hasMore: true, loading: false });
    expect(urls[0]).toBe('http://service.test/v1/streams?user=G1&limit=1');
    expect(on.service.stream.url.searchParams.get('users')).toBe('G1');
    await pass(2_000);
    await on.letIn();
    await pass(2_000);
    await on.send(eventFrame(2, { streamId: '99' }));
    expect(result.current.total).toBe(3);
  });

  it('does nothing without an address', async () => {
    const { result } = renderHook(() => useUserStreams(undefined), { wrapper: on.Provider });
    await pass(5_000);
    expect(on.service.requests.length).toBe(0);
    expect(result.current.loading).toBe(false);
  });
});
