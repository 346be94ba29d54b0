import { describe, expect, it, vi } from 'vitest';
import { connectionHarness } from './support/connection';
import { answer, connectedFrame, id, offline, problem, refusal, until } from './support/service';

const on = connectionHarness();

describe('a media type', () => {
  it.each(['Text/Event-Stream', 'TEXT/EVENT-STREAM ; charset=UTF-8', 'text/event-stream;charset=utf-8'])(
    'of an event stream is recognised as %s',
    async (type) => {
      on.service.next(answer(200, connectedFrame(id(1)), { 'content-type': type }));
      on.open();
      await until(() => on.lastId() === id(1));
    },
  );

  it.each(['Application/Problem+JSON', 'application/problem+json; charset=utf-8'])(
    'of a problem is recognised as %s',
    async (type) => {
      on.service.next(refusal(404, { 'content-type': type }));
      on.open();
      await on.staysAway();
      expect(on.connection.getSnapshot().error).toMatchObject({ message: 'refused with 404' });
    },
  );

  it.each([
    [200, 'text/event-streams', connectedFrame(id(1))],
    [404, 'application/problem+jsonp', problem(404)],
  ])('that only begins alike is not recognised: %i %s', async (status, type, body) => {
    on.service.next(answer(status, body, { 'content-type': type }));
    on.open();
    await on.comesBackAfter(1_000);
    expect(on.lastId()).toBeUndefined();
  });
});

describe('a problem that is not of the service', () => {
  const foreign: [string, string][] = [
    ['without a type', problem(404, { type: undefined })],
    ['of the type about:blank', problem(404, { type: 'about:blank' })],
    ['of a type on another site', problem(404, { type: 'https://gateway.test/problems/not-found' })],
    ['of a type with another path', problem(404, { type: '/errors/problems/not-found' })],
    ['of a type that is not a text', problem(404, { type: 404 })],
    ['that is null', 'null'],
    ['that is a text', '"/problems/not-found"'],
    ['that is not JSON', '<html>'],
    ['that is empty', ''],
  ];

  it.each(foreign)('%s backs off, whatever its status', async (_, body) => {
    const headers = { 'content-type': 'application/problem+json' };
    on.service.next(...[400, 403, 404].map((status) => answer(status, body, headers)));
    on.open();
    await on.comesBackAfter(1_000);
    await on.comesBackAfter(1_000);
    await on.comesBackAfter(1_000);
    await until(() => on.service.streams.length === 1);
    expect(on.connection.getSnapshot().error).toMatchObject({ status: 404, problem: undefined, isFinal: false });
  });
});

describe('Retry-After of a proxy', () => {
  const proxy = (status: number, retryAfter: string) =>
    answer(status, '<html>', { 'content-type': 'text/html', 'retry-after': retryAfter });

  it.each([
    [503, '3600', 2_000],
    [429, '86400', 2_000],
    [429, 'Thu, 01 Jan 2099 00:00:00 GMT', 2_000],
    [404, '3600', 2_000],
    [503, '3600', undefined],
  ])('%i %s is no longer than the longest back-off', async (status, told, longestMs) => {
    const shares = [0, 1, 0.5, 0.25, 0, 1];
    const most = longestMs ?? 30_000;
    const spread = Math.min(1_000, most / 4);
    on.service.next(...shares.map(() => proxy(status, told)));
    on.open({ random: () => shares[on.requests() - 1] ?? 0, backOff: { longestMs } });
    for (const share of shares) await on.comesBackAfter(most - spread + share * spread);
  });

  it('is spread over a second, or a quarter of a longest back-off below four', async () => {
    on.service.next(proxy(503, '3600'), proxy(503, '3600'), proxy(503, '3'));
    const numbers = [0, 0.5, 0.5];
    on.open({ random: () => numbers.shift() ?? 0, backOff: { longestMs: 3_000 } });
    for (const ms of [2_250, 2_625, 2_625]) await on.comesBackAfter(ms);
  });

  it.each([
    [503, '0'],
    [429, '0'],
    [429, 'Sun, 06 Nov 1994 08:49:37 GMT'],
    [503, '-5'],
    [503, 'soon'],
  ])('%i %s does not keep the back-off from growing', async (status, told) => {
    on.service.next(...Array.from({ length: 6 }, () => proxy(status, told)));
    on.open({ random: () => 1 });
    for (const seconds of [2, 4, 8, 16, 30, 30]) await on.comesBackAfter(seconds * 1_000);
  });

  it('is not needed to back off as the page wants', async () => {
    const html = answer(503, '<html>', { 'content-type': 'text/html' });
    on.service.next(html, html, html);
    on.open({ random: () => 1, backOff: { shortestMs: 200, longestMs: 500 } });
    for (const ms of [400, 500, 500]) await on.comesBackAfter(ms);
  });
});

describe('401 of a gateway', () => {
  const bodies: [string, Record<string, string>, string][] = [
    ['HTML', { 'content-type': 'text/html' }, '<html>'],
    ['JSON', { 'content-type': 'application/json' }, '{"message":"Unauthorized"}'],
    ['a problem', { 'content-type': 'application/problem+json' }, problem(401, { type: 'about:blank' })],
  ];
  const shown = () => on.service.requests.map(({ headers }) => headers.get('authorization'));

  it.each(bodies)('in %s asks for another token at once, and goes on with it', async (_, headers, body) => {
    on.service.next(answer(401, body, headers));
    on.open({ auth: { token: async (refused) => (refused === undefined ? 'stale' : `after ${refused}`) } });
    await until(() => on.service.streams.length === 1);
    expect(shown()).toEqual(['Bearer stale', 'Bearer after stale']);
  });

  it.each(bodies)('in %s asks for another token each time, and backs off', async (_, headers, body) => {
    on.service.next(...Array.from({ length: 4 }, () => answer(401, body, headers)));
    const token = vi.fn(async (refused?: string) => `${Number(refused ?? 0) + 1}`);
    on.open({ random: () => 1, auth: { token } });
    await until(() => on.requests() === 2);
    for (const seconds of [4, 8, 16]) await on.comesBackAfter(seconds * 1_000);
    expect(token.mock.calls).toEqual([[undefined], ['1'], ['2'], ['3'], ['4']]);
    expect(on.status()).toBe('reconnecting');
  });

  it('backs off where there is no other token', async () => {
    on.service.next(answer(401, '<html>'), answer(401, '<html>'));
    on.open({ auth: { token: 'fixed' } });
    await on.comesBackAfter(1_000);
    await on.comesBackAfter(1_000);
  });

  it('is no reason to doubt the token if it is a 403', async () => {
    on.service.next(answer(403, '<html>'), answer(403, '<html>'));
    const token = vi.fn(async (_refused?: string) => 'good');
    on.open({ auth: { token } });
    await on.comesBackAfter(1_000);
    await on.comesBackAfter(1_000);
    expect(token.mock.calls).toEqual([[undefined], [undefined], [undefined]]);
  });
});

describe('an answer that nobody can read', () => {
  const redirect = Object.defineProperties(new Response(null), {
    status: { value: 0 },
    type: { value: 'opaqueredirect' },
  });

  it.each<[string, () => Response]>([
    ['a redirect that is not followed', () => redirect],
    ['304', () => new Response(null, { status: 304 })],
    ['206', () => new Response('', { status: 206, headers: { 'content-type': 'text/event-stream' } })],
    ['a failure of the network', () => Response.error()],
  ])('backs off: %s', async (_, unreadable) => {
    on.service.next(unreadable);
    on.open();
    await on.comesBackAfter(1_000);
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: 1 });
  });
});

describe('an event stream that is not of the service', () => {
  const eventStream = { 'content-type': 'text/event-stream' };
  const bodies: [string, string | null][] = [
    ['that is empty', null],
    ['of HTML', '<html>\n\n<body>\n\n'],
    ['of comments', ': ping\n\n: ping\n\n'],
    ['of blocks without data', 'id: 5\n\nevent: connected\n\n'],
    ['of another feed', 'id: 5\nevent: message\ndata: {"text":"hello"}\n\n'],
    ['of text that is not JSON', 'id: 5\ndata: hello\n\n'],
    ['that says reset', 'event: reset\ndata: {}\n\n'],
    ['that wants to be asked at once', 'retry: 0\n\nevent: resume\ndata: {}\n\n'],
  ];

  it.each(bodies)('%s is a failed attempt, and nothing of it is handed on', async (_, body) => {
    on.service.next(...Array.from({ length: 3 }, () => answer(200, body, eventStream)));
    on.open({ random: () => 1 });
    for (const [failed, seconds] of [2, 4, 8].entries()) {
      await until(() => on.connection.getSnapshot().attempt === failed + 1);
      await on.comesBackAfter(seconds * 1_000);
    }
    expect(on.connection.getSnapshot().error?.message).toBe('the event stream ended before it began');
    expect(on.received()).toEqual([]);
    expect(on.lastId()).toBeUndefined();
  });

  it.each(bodies)('%s is given up after as many attempts as the page wants', async (_, body) => {
    on.service.next(...Array.from({ length: 9 }, () => answer(200, body, eventStream)));
    on.open({ backOff: { shortestMs: 100, attempts: 3 } });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(on.requests()).toBe(3);
    await on.staysAway();
  });

  it('does not keep it waiting for longer than the longest back-off', async () => {
    on.service.next(answer(200, 'retry: 86400000\n\n', eventStream));
    on.open({ backOff: { longestMs: 2_000 } });
    await on.comesBackAfter(1_500);
  });

  it('has nothing to say about the waits after it', async () => {
    on.service.next(answer(200, 'retry: 25000\n\n', eventStream), answer(200, null, eventStream));
    on.open();
    await on.comesBackAfter(25_000);
    await on.comesBackAfter(1_000);
  });

  it('that farewells after a while is not come back to at once', async () => {
    on.open();
    await until(() => on.service.streams.length === 1);
    await vi.advanceTimersByTimeAsync(5_000);
    on.service.stream.send('event: resume\ndata: {}\n\n');
    on.service.stream.end();
    await on.comesBackAfter(1_000);
  });

  it('is dead if it goes on and never begins', async () => {
    on.open({ heartbeatMs: 2_000 });
    await until(() => on.service.streams.length === 1);
    for (let second = 0; second < 5; second += 1) {
      on.service.stream.send(': ping\n\n');
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: 1 });
    await on.comesBackAfter(1_000);
  });

  it('counts among the failures before it, until the service lets the connection in', async () => {
    on.service.next(offline, answer(200, null, eventStream), answer(503, '<html>'));
    on.open({ random: () => 1 });
    for (const seconds of [2, 4, 8]) await on.comesBackAfter(seconds * 1_000);
    on.service.stream.send(connectedFrame(id(1)));
    await until(() => on.status() === 'open');
    expect(on.connection.getSnapshot()).toMatchObject({ attempt: 0, error: undefined });
    on.service.next(offline);
    on.service.stream.end();
    await on.comesBackAfter(3_000);
    await on.comesBackAfter(2_000);
  });
});
