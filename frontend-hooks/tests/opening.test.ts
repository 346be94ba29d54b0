import { describe, expect, it, vi } from 'vitest';
import { StreamError } from '../src/core/stream-error';
import { connectionHarness } from './support/connection';
import { connectedFrame, id, offline, refusal, until } from './support/service';

const on = connectionHarness();

describe('the verdict on opening', () => {
  it('204 stops without an error', async () => {
    on.service.next(() => new Response(null, { status: 204 }));
    on.open();
    await on.staysAway();
    expect(on.connection.getSnapshot().error).toBeUndefined();
  });

  it.each([401, 403])('%i renews the token once and goes on', async (refused) => {
    on.service.next(refusal(refused));
    const token = vi.fn(async (old?: string) => (old === undefined ? 'stale' : `after ${old}`));
    on.open({ auth: { token } });
    await until(() => on.service.streams.length === 1);
    expect(on.service.requests.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer stale',
      'Bearer after stale',
    ]);
  });

  it.each([401, 403])('%i stops with the problem when the renewed token is refused too', async (refused) => {
    on.service.next(refusal(refused), refusal(refused));
    on.open({ auth: { token: async () => 'bad' } });
    await until(() => on.status() === 'closed');
    expect(on.requests()).toBe(2);
    expect(on.connection.getSnapshot().error).toMatchObject({
      name: 'StreamError',
      message: `refused with ${refused}`,
      status: refused,
      problem: { title: 'Test' },
    });
    await on.staysAway();
  });

  it('a token may be renewed again once it was good', async () => {
    on.service.next(refusal(401));
    on.open({ auth: { token: async () => 'token' } });
    await until(() => on.service.streams.length === 1);
    on.service.stream.send(connectedFrame(id(1)));
    await until(() => on.status() === 'open');
    on.service.next(refusal(401));
    on.service.stream.end();
    await on.comesBackAfter(3_000);
    await until(() => on.service.streams.length === 2);
  });

  it('401 stops at once where there is no other token', async () => {
    on.service.next(refusal(401));
    on.open({ auth: { token: 'fixed' } });
    await on.staysAway();
    expect(on.requests()).toBe(1);
  });

  it('401 stops at once where nobody signs in', async () => {
    on.service.next(refusal(401));
    on.open();
    await on.staysAway();
    expect(on.requests()).toBe(1);
  });

  it.each([429, 503])('%i waits as long as it is told in seconds', async (refused) => {
    on.service.next(refusal(refused, { 'retry-after': '42' }));
    on.open();
    await until(() => on.status() === 'reconnecting');
    await on.comesBackAfter(42_000);
  });

  it('503 waits until the date it is told', async () => {
    on.service.next(refusal(503, { 'retry-after': 'Fri, 27 Nov 2026 00:01:30 GMT' }));
    on.open();
    await on.comesBackAfter(90_000);
  });

  it.each([429, 503])('%i without a word backs off', async (refused) => {
    on.service.next(refusal(refused), refusal(refused), refusal(refused));
    on.open({ random: () => 1, backOff: { shortestMs: 200, longestMs: 500 } });
    for (const ms of [400, 500, 500]) await on.comesBackAfter(ms);
  });

  it('backs off for longer than it is told once it has failed often', async () => {
    on.service.next(...Array.from({ length: 3 }, () => refusal(503, { 'retry-after': '2' })));
    on.open({ random: () => 1 });
    for (const seconds of [3, 4, 8]) await on.comesBackAfter(seconds * 1_000);
  });

  it('waits for the service longer than it would back off, but no longer than ten minutes', async () => {
    on.service.next(...['60', '86400', '9'.repeat(400)].map((told) => refusal(429, { 'retry-after': told })));
    on.open({ random: () => 1, backOff: { longestMs: 2_000 } });
    for (const seconds of [61, 600, 600]) await on.comesBackAfter(seconds * 1_000);
  });

  it('spreads what is the same for all over a second', async () => {
    on.service.next(refusal(503, { 'retry-after': '2' }));
    on.open({ random: () => 0.5 });
    await on.comesBackAfter(2_500);
  });

  it.each([400, 404, 406, 410])('%i stops with the problem', async (refused) => {
    on.service.next(refusal(refused));
    on.open();
    await on.staysAway();
    expect(on.requests()).toBe(1);
    expect(on.connection.getSnapshot().error).toMatchObject({ status: refused });
  });

  it('an answer that is no event stream backs off with a word about the address', async () => {
    on.service.next(() => new Response('<html>', { headers: { 'content-type': 'text/html' } }));
    on.open();
    await on.comesBackAfter(1_000);
    expect(on.connection.getSnapshot().error?.message).toContain('text/html');
  });

  it.each([400, 401, 403, 404, 413, 431])('%i of a proxy, which is no problem of the service, backs off', async (refused) => {
    const headers = { 'content-type': 'text/html' };
    on.service.next(() => new Response('<html>', { status: refused, headers }));
    on.open();
    await on.comesBackAfter(1_000);
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', error: { status: refused } });
  });

  it.each([408, 425])('%i backs off, whoever says it', async (refused) => {
    on.service.next(refusal(refused));
    on.open();
    await on.comesBackAfter(1_000);
  });

  it('tells how many attempts failed and when it comes back', async () => {
    on.service.next(offline, offline);
    on.open({ random: () => 0 });
    await until(() => on.connection.getSnapshot().attempt === 1);
    expect(on.connection.getSnapshot().retryAt).toBe(Date.now() + 1_000);
    await on.comesBackAfter(1_000);
    await until(() => on.connection.getSnapshot().attempt === 2);
    await on.comesBackAfter(1_000);
    await until(() => on.service.streams.length === 1);
    on.service.stream.send(connectedFrame(id(1)));
    await until(() => on.status() === 'open');
    expect(on.connection.getSnapshot()).toMatchObject({ attempt: 0, retryAt: undefined });
  });

  it('waits as long as the page wants, gives up after as many attempts as it wants, and says what it does', async () => {
    on.service.next(offline, offline, offline);
    const said: string[] = [];
    const backOff = { shortestMs: 200, longestMs: 300, attempts: 3 };
    on.open({ random: () => 1, backOff, debug: (message) => said.push(message) });
    await on.comesBackAfter(300);
    await on.comesBackAfter(300);
    await on.staysAway();
    const error = { message: 'fetch failed' };
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'closed', error, attempt: 3, retryAt: undefined });
    expect(said[0]).toBe('attempt 1 failed: fetch failed; retries in 300 ms');
    expect(said.at(-1)).toBe('closed for good: fetch failed');
  });

  it('counts an attempt that the service refuses for good', async () => {
    on.service.next(offline, refusal(404));
    on.open();
    await on.comesBackAfter(1_000);
    await on.staysAway();
    expect(on.connection.getSnapshot()).toMatchObject({ error: { status: 404 }, attempt: 2 });
  });

  it('tries another token though it may fail only once, and counts both failures', async () => {
    on.service.next(refusal(401), offline);
    on.open({ auth: { token: async () => 'token' }, backOff: { attempts: 1 } });
    await on.staysAway();
    expect(on.requests()).toBe(2);
    expect(on.connection.getSnapshot()).toMatchObject({ error: { message: 'fetch failed' }, attempt: 2 });
  });

  it.each([500, 502, 504])('%i backs off', async (refused) => {
    on.service.next(refusal(refused));
    on.open();
    await on.comesBackAfter(1_000);
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', error: { status: refused } });
  });

  it('no network backs off from one second, doubling the bound to thirty', async () => {
    on.service.next(...Array.from({ length: 8 }, () => offline));
    on.open({ random: () => 1 });
    for (const seconds of [2, 4, 8, 16, 30, 30, 30]) await on.comesBackAfter(seconds * 1_000);
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', error: { message: 'fetch failed' } });
  });

  it('backs off by no less than a second and at random', async () => {
    on.service.next(offline, offline);
    on.open({ random: () => 0.25 });
    await on.comesBackAfter(1_250);
    await on.comesBackAfter(1_750);
  });
});

describe('tickets', () => {
  it('each connection takes a ticket of its own', async () => {
    let number = 0;
    await on.opened({ auth: { ticket: async () => `ticket-${++number}` } });
    on.service.stream.end();
    await on.comesBackAfter(3_000);
    expect(on.service.streams.map(({ url }) => url.searchParams.get('ticket'))).toEqual(['ticket-1', 'ticket-2']);
    expect(on.service.stream.headers.has('authorization')).toBe(false);
  });

  it('a refused ticket is renewed once', async () => {
    on.service.next(refusal(401), refusal(401));
    on.open({ auth: { ticket: async () => 'ticket' } });
    await on.staysAway();
    expect(on.requests()).toBe(2);
  });

  it('tickets that cannot be had now are waited for', async () => {
    const ticket = vi.fn(async () => 'ticket').mockRejectedValueOnce(new TypeError('fetch failed'));
    on.open({ auth: { ticket } });
    await on.comesBackAfter(1_000);
    expect(on.service.stream.url.searchParams.get('ticket')).toBe('ticket');
  });

  it('tickets that are refused for good stop the connection', async () => {
    const ticket = vi.fn(() => Promise.reject(new StreamError('sign in', 401)));
    on.open({ auth: { ticket } });
    await on.staysAway();
    expect(ticket).toHaveBeenCalledTimes(2);
    expect(on.connection.getSnapshot().error?.message).toBe('sign in');
  });
});
