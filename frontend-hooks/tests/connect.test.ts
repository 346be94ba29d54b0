import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../src/core/connect';
import type { Connection } from '../src/core/connection-state';
import type { ConnectOptions } from '../src/core/options';
import type { Frame } from '../src/core/reading';
import { StreamError } from '../src/core/stream-error';
import { connectedFrame, eventFrame, FakeService, id, notice, offline, refusal, settle, until } from './support/service';

let service: FakeService;
let connection: Connection;
let frames: Frame[];

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-27T00:00:00Z') });
  service = new FakeService();
  frames = [];
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

function open(options: Partial<ConnectOptions> = {}): Connection {
  connection = connect({
    url: 'http://service.test',
    filter: { streams: ['7'] },
    fetch: service.fetch,
    random: () => 0,
    ...options,
  });
  connection.onFrame((frame) => frames.push(frame));
  return connection;
}

const status = () => connection.getSnapshot().status;
const lastId = () => connection.getSnapshot().lastEventId;
const received = () => frames.map((frame) => (frame.kind === 'event' ? frame.event.id : frame.kind));
const requests = () => service.requests.length;

/** Opens a connection that begins after the first event. */
async function opened(options: Partial<ConnectOptions> = {}): Promise<void> {
  open(options);
  await until(() => service.streams.length === 1);
  service.stream.send(connectedFrame(id(1)));
  await until(() => status() === 'open');
}

/** Checks that the next request comes after exactly this time. */
async function comesBackAfter(ms: number): Promise<void> {
  await settle();
  const before = requests();
  await vi.advanceTimersByTimeAsync(ms - 1);
  expect(requests()).toBe(before);
  await vi.advanceTimersByTimeAsync(1);
  await until(() => requests() > before);
}

async function staysAway(): Promise<void> {
  await settle();
  const before = requests();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(requests()).toBe(before);
  expect(status()).toBe('closed');
}

describe('an open connection', () => {
  it('asks for its filter and is open once the service says so', async () => {
    open({ filter: { users: ['G2', 'G1'], types: ['stream.created'] } });
    expect(status()).toBe('connecting');
    await until(() => service.streams.length === 1);
    expect(service.stream.url.pathname + service.stream.url.search).toBe(
      '/v1/events/subscribe?users=G1%2CG2&types=stream.created',
    );
    expect(status()).toBe('connecting');
    service.stream.send(connectedFrame(id(1)));
    await until(() => status() === 'open');
    expect(lastId()).toBe(id(1));
  });

  it('hands on events in order and follows them with its last id', async () => {
    await opened();
    service.stream.send(eventFrame(2) + eventFrame(3));
    await until(() => lastId() === id(3));
    expect(received()).toEqual([id(2), id(3)]);
    expect(frames[0]).toMatchObject({ event: { type: 'stream.withdrawn', streamId: '7', amount: '1000' } });
  });

  it('drops an event that it has', async () => {
    await opened();
    service.stream.send(eventFrame(2) + eventFrame(2) + eventFrame(1) + eventFrame(3));
    await until(() => lastId() === id(3));
    expect(received()).toEqual([id(2), id(3)]);
  });

  it('moves its last id on in silence', async () => {
    await opened();
    service.stream.send(`id: ${id(5)}\n\n`);
    await until(() => lastId() === id(5));
    expect(received()).toEqual([]);
  });

  it('passes over a notice that it does not know', async () => {
    await opened();
    service.stream.send(notice('news') + eventFrame(2));
    await until(() => lastId() === id(2));
    expect(received()).toEqual([id(2)]);
  });

  it('hands on a hint that earlier events were revised', async () => {
    await opened();
    service.stream.send(notice('revised', { fromId: id(1), toId: id(2) }));
    await until(() => frames.length === 1);
    expect(frames).toEqual([{ kind: 'revised', revised: { fromId: id(1), toId: id(2) } }]);
    expect(lastId()).toBe(id(1));
  });

  it('hands on events whatever a listener throws, and lets the page see the fault', async () => {
    const seen: unknown[] = [];
    const catcher = (fault: unknown) => seen.push(fault);
    process.on('uncaughtException', catcher);
    await opened();
    connection.onFrame(() => {
      throw new Error('of the page');
    });
    service.stream.send(eventFrame(2) + eventFrame(3));
    await until(() => received().length === 2 && seen.length === 2);
    process.off('uncaughtException', catcher);
    expect(status()).toBe('open');
  });

  it('hands on nothing more once it is closed', async () => {
    await opened();
    connection.onFrame(() => connection.close());
    service.stream.send(eventFrame(2) + eventFrame(3));
    await settle();
    expect(received()).toEqual([id(2)]);
    expect(service.stream.isClosed()).toBe(true);
    await staysAway();
  });
});

describe('the verdict on opening', () => {
  it('204 stops without an error', async () => {
    service.next(() => new Response(null, { status: 204 }));
    open();
    await staysAway();
    expect(connection.getSnapshot().error).toBeUndefined();
  });

  it.each([401, 403])('%i renews the token once and goes on', async (refused) => {
    service.next(refusal(refused));
    const token = vi.fn(async (old?: string) => (old === undefined ? 'stale' : `after ${old}`));
    open({ auth: { token } });
    await until(() => service.streams.length === 1);
    expect(service.requests.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer stale',
      'Bearer after stale',
    ]);
  });

  it.each([401, 403])('%i stops with the problem when the renewed token is refused too', async (refused) => {
    service.next(refusal(refused), refusal(refused));
    open({ auth: { token: async () => 'bad' } });
    await until(() => status() === 'closed');
    expect(requests()).toBe(2);
    expect(connection.getSnapshot().error).toMatchObject({
      name: 'StreamError',
      message: `refused with ${refused}`,
      status: refused,
      problem: { title: 'Test' },
    });
    await staysAway();
  });

  it('a token may be renewed again once it was good', async () => {
    service.next(refusal(401));
    open({ auth: { token: async () => 'token' } });
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame(id(1)));
    await until(() => status() === 'open');
    service.next(refusal(401));
    service.stream.end();
    await comesBackAfter(3_000);
    await until(() => service.streams.length === 2);
  });

  it('401 stops at once where there is no other token', async () => {
    service.next(refusal(401));
    open({ auth: { token: 'fixed' } });
    await staysAway();
    expect(requests()).toBe(1);
  });

  it('401 stops at once where nobody signs in', async () => {
    service.next(refusal(401));
    open();
    await staysAway();
    expect(requests()).toBe(1);
  });

  it.each([429, 503])('%i waits as long as it is told in seconds', async (refused) => {
    service.next(refusal(refused, { 'retry-after': '42' }));
    open();
    await until(() => status() === 'reconnecting');
    await comesBackAfter(42_000);
  });

  it('503 waits until the date it is told', async () => {
    service.next(refusal(503, { 'retry-after': 'Fri, 27 Nov 2026 00:01:30 GMT' }));
    open();
    await comesBackAfter(90_000);
  });

  it('429 without a word waits five seconds', async () => {
    service.next(refusal(429));
    open();
    await comesBackAfter(5_000);
  });

  it('spreads what is the same for all over a second', async () => {
    service.next(refusal(503, { 'retry-after': '2' }));
    open({ random: () => 0.5 });
    await comesBackAfter(2_500);
  });

  it.each([400, 404, 406, 410])('%i stops with the problem', async (refused) => {
    service.next(refusal(refused));
    open();
    await staysAway();
    expect(requests()).toBe(1);
    expect(connection.getSnapshot().error).toMatchObject({ status: refused });
  });

  it('an answer that is no event stream stops with a word about the address', async () => {
    service.next(() => new Response('<html>', { headers: { 'content-type': 'text/html' } }));
    open();
    await staysAway();
    expect(connection.getSnapshot().error?.message).toContain('text/html');
  });

  it.each([500, 502, 504])('%i backs off', async (refused) => {
    service.next(refusal(refused));
    open();
    await comesBackAfter(1_000);
    expect(connection.getSnapshot()).toMatchObject({ status: 'reconnecting', error: { status: refused } });
  });

  it('no network backs off from one second, doubling the bound to thirty', async () => {
    service.next(...Array.from({ length: 8 }, () => offline));
    open({ random: () => 1 });
    for (const seconds of [2, 4, 8, 16, 30, 30, 30]) await comesBackAfter(seconds * 1_000);
    expect(connection.getSnapshot()).toMatchObject({ status: 'reconnecting', error: { message: 'fetch failed' } });
  });

  it('backs off by no less than a second and at random', async () => {
    service.next(offline, offline);
    open({ random: () => 0.25 });
    await comesBackAfter(1_250);
    await comesBackAfter(1_750);
  });
});

describe('the verdict on reading', () => {
  it('waits as the service said after a clean end, and resumes by a header', async () => {
    await opened();
    service.stream.send(`${eventFrame(2)}retry: 4321\n\n`);
    service.stream.end();
    await comesBackAfter(4_321);
    expect(service.stream.headers.get('last-event-id')).toBe(id(2));
    expect(service.stream.url.searchParams.has('lastEventId')).toBe(false);
  });

  it('is told to come back without ever being let in', async () => {
    open();
    await until(() => service.streams.length === 1);
    service.stream.send('retry: 2500\n\n');
    service.stream.end();
    await comesBackAfter(2_500);
    expect(status()).toBe('connecting');
  });

  it('backs off when the connection breaks, and begins anew once it was open', async () => {
    service.next(offline, offline);
    open();
    await comesBackAfter(1_000);
    await comesBackAfter(1_000);
    service.stream.send(connectedFrame(id(1)));
    await until(() => status() === 'open');
    service.stream.fail();
    await until(() => status() === 'reconnecting');
    expect(connection.getSnapshot().error?.message).toBe('network error');
    await comesBackAfter(1_000);
    service.stream.send(connectedFrame(id(1)));
    await until(() => status() === 'open');
    expect(connection.getSnapshot().error).toBeUndefined();
  });

  it('drops half an event at the end of a body and gets it whole on resuming', async () => {
    await opened();
    service.stream.send(eventFrame(2).slice(0, -1));
    service.stream.end();
    await comesBackAfter(3_000);
    expect(service.stream.headers.get('last-event-id')).toBe(id(1));
    service.stream.send(connectedFrame(id(1)) + eventFrame(2));
    await until(() => received().length === 1);
  });

  it('takes a silence of two and a half heartbeats for a dead connection', async () => {
    await opened({ heartbeatMs: 2_000 });
    await vi.advanceTimersByTimeAsync(4_999);
    service.stream.send(': heartbeat\n\n');
    await vi.advanceTimersByTimeAsync(4_999);
    expect(status()).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(status()).toBe('reconnecting');
    expect(service.stream.isClosed()).toBe(true);
    expect(connection.getSnapshot().error?.message).toBe('the connection was silent');
    await comesBackAfter(1_000);
  });

  it('takes a service that does not answer for dead, too', async () => {
    const hangs = vi.fn<typeof fetch>((_, init) => {
      const refuse = (reject: (reason: unknown) => void) => () => reject(init?.signal?.reason);
      return new Promise((_, reject) => init?.signal?.addEventListener('abort', refuse(reject)));
    });
    open({ fetch: hangs });
    await vi.advanceTimersByTimeAsync(37_500);
    expect(status()).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(hangs).toHaveBeenCalledTimes(2);
  });

  it('resume comes back at once from the last id', async () => {
    await opened();
    await vi.advanceTimersByTimeAsync(1_000);
    service.stream.send(eventFrame(2) + notice('resume'));
    await until(() => service.streams.length === 2);
    expect(service.streams[0]?.isClosed()).toBe(true);
    expect(service.stream.headers.get('last-event-id')).toBe(id(2));
  });

  it('resume from a connection that was short waits as the service said', async () => {
    await opened();
    service.stream.send(notice('resume'));
    await comesBackAfter(3_000);
  });

  it('expired renews the token and comes back at once from the last id', async () => {
    let number = 0;
    await opened({ auth: { token: async (refused) => `token ${++number}, not ${refused}` } });
    await vi.advanceTimersByTimeAsync(60_000 - 30_000);
    service.stream.send(eventFrame(2) + notice('expired'));
    await until(() => service.streams.length === 2);
    expect(service.stream.headers.get('authorization')).toBe('Bearer token 2, not token 1, not undefined');
    expect(service.stream.headers.get('last-event-id')).toBe(id(2));
  });

  it('text that is not JSON ends the connection and is not passed over', async () => {
    await opened();
    service.stream.send(`id: ${id(2)}\nevent: stream.created\ndata: {\n\n`);
    await until(() => status() === 'reconnecting');
    expect(connection.getSnapshot().error).toBeInstanceOf(StreamError);
    expect(lastId()).toBe(id(1));
  });
});

describe('a reset', () => {
  const reset = { reason: 'beyondTip', oldestEventId: id(1), newestEventId: id(4) };

  it('is told, and takes the place where the connection begins for the last id', async () => {
    open({ lastEventId: id(99) });
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame(id(4)) + notice('reset', reset) + eventFrame(5));
    await until(() => frames.length === 2);
    expect(frames[0]).toEqual({ kind: 'reset', reset });
    expect(received()[1]).toBe(id(5));
    expect(lastId()).toBe(id(5));
  });

  it('leaves no last id where the service has no place to begin', async () => {
    open({ lastEventId: id(99) });
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame() + notice('reset', reset));
    await until(() => frames.length === 1);
    expect(lastId()).toBeUndefined();
  });

  it('of the network goes on with the events of the new epoch', async () => {
    await opened();
    service.stream.send(eventFrame(9) + notice('reset', { ...reset, reason: 'networkReset' }));
    service.stream.send(eventFrame(2, { id: id(2, 1) }));
    await until(() => lastId() === id(2, 1));
    expect(received()).toEqual([id(9), 'reset', id(2, 1)]);
  });
});

describe('tickets', () => {
  it('each connection takes a ticket of its own', async () => {
    let number = 0;
    await opened({ auth: { ticket: async () => `ticket-${++number}` } });
    service.stream.end();
    await comesBackAfter(3_000);
    expect(service.streams.map(({ url }) => url.searchParams.get('ticket'))).toEqual(['ticket-1', 'ticket-2']);
    expect(service.stream.headers.has('authorization')).toBe(false);
  });

  it('a refused ticket is renewed once', async () => {
    service.next(refusal(401), refusal(401));
    open({ auth: { ticket: async () => 'ticket' } });
    await staysAway();
    expect(requests()).toBe(2);
  });

  it('tickets that cannot be had now are waited for', async () => {
    const ticket = vi.fn(async () => 'ticket').mockRejectedValueOnce(new TypeError('fetch failed'));
    open({ auth: { ticket } });
    await comesBackAfter(1_000);
    expect(service.stream.url.searchParams.get('ticket')).toBe('ticket');
  });

  it('tickets that are refused for good stop the connection', async () => {
    const ticket = vi.fn(() => Promise.reject(new StreamError('sign in', 401)));
    open({ auth: { ticket } });
    await staysAway();
    expect(ticket).toHaveBeenCalledTimes(2);
    expect(connection.getSnapshot().error?.message).toBe('sign in');
  });
});

describe('the last id across reloads', () => {
  const storage = () => {
    const kept = new Map<string, string>();
    return {
      kept,
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    };
  };

  it('is in the address of the first connection, which a header would cost a preflight', async () => {
    const session = storage();
    await opened({ storage: session });
    service.stream.send(eventFrame(2));
    await until(() => lastId() === id(2));
    connection.close();
    open({ storage: session });
    await until(() => service.streams.length === 2);
    expect(service.stream.url.searchParams.get('lastEventId')).toBe(id(2));
    expect(service.stream.headers.has('last-event-id')).toBe(false);
  });

  it('is not that of another filter or subject, and its name holds no token', async () => {
    const session = storage();
    await opened({ storage: session, auth: { token: 'secret', subject: 'G1' } });
    connection.close();
    open({ storage: session, auth: { token: 'secret', subject: 'G2' } });
    await until(() => service.streams.length === 2);
    expect(service.stream.url.searchParams.has('lastEventId')).toBe(false);
    expect(JSON.stringify([...session.kept])).not.toContain('secret');
  });

  it('is forgotten at a reset', async () => {
    const session = storage();
    await opened({ storage: session });
    service.stream.end();
    await comesBackAfter(3_000);
    service.stream.send(connectedFrame() + notice('reset', {}));
    await until(() => frames.length === 1);
    expect(session.kept.size).toBe(0);
  });

  it('is not missed where the storage is locked', async () => {
    const locked = () => {
      throw new DOMException('locked', 'SecurityError');
    };
    await opened({ storage: { getItem: locked, setItem: locked, removeItem: locked } });
    service.stream.send(eventFrame(2));
    await until(() => lastId() === id(2));
  });
});

describe('a page that is hidden', () => {
  let page: { visibilityState: string } & EventTarget;

  beforeEach(() => {
    page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('document', page);
  });

  afterEach(() => vi.unstubAllGlobals());

  function become(visibilityState: string): void {
    page.visibilityState = visibilityState;
    page.dispatchEvent(new Event('visibilitychange'));
  }

  it('lets go of its connection and resumes when it is shown, if asked to', async () => {
    await opened({ pauseWhenHidden: true });
    become('hidden');
    await until(() => service.stream.isClosed());
    await vi.advanceTimersByTimeAsync(600_000);
    expect(requests()).toBe(1);
    become('visible');
    await until(() => requests() === 2);
    expect(service.stream.headers.get('last-event-id')).toBe(id(1));
  });

  it('does not wait out a back-off that began before it was hidden', async () => {
    service.next(offline);
    open({ pauseWhenHidden: true });
    await settle();
    become('hidden');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(requests()).toBe(1);
    become('visible');
    await until(() => requests() === 2);
  });

  it('keeps its connection if not asked to let go', async () => {
    await opened();
    become('hidden');
    service.stream.send(eventFrame(2));
    await until(() => lastId() === id(2));
  });

  it('can be closed while it is hidden', async () => {
    await opened({ pauseWhenHidden: true });
    become('hidden');
    await settle();
    connection.close();
    become('visible');
    await staysAway();
  });
});
