import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../src/core/connection-state';
import { overallState, shareConnection, type ShareOptions } from '../src/core/share';
import { FakeBrowser } from './support/browser';
import { connectedFrame, eventFrame, FakeService, id, refusal, until } from './support/service';

let service: FakeService;
let shares: Connection[];

beforeEach(() => {
  vi.useFakeTimers();
  service = new FakeService();
  shares = [];
});

afterEach(async () => {
  for (const { close } of shares) close();
  await vi.advanceTimersByTimeAsync(1_000);
  vi.useRealTimers();
});

function share(options: Partial<ShareOptions> = {}): Connection {
  const base = { url: 'http://service.test', filter: { streams: ['1', '2'] }, fetch: service.fetch };
  const connection = shareConnection({ ...base, tabs: false, ...options });
  shares.push(connection);
  return connection;
}

/** Lets the last connection in. */
async function letIn(): Promise<void> {
  service.stream.send(connectedFrame(id(1)));
  await vi.advanceTimersByTimeAsync(0);
}

describe('a page', () => {
  it('has one connection for all who want the same, however they spell it', async () => {
    const [one, other] = [share(), share({ filter: { streams: ['2', '1', '2'], types: [] } })];
    const received: string[] = [];
    for (const { onFrame } of [one, other]) onFrame((frame) => received.push(frame.kind));
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame(id(1)) + eventFrame(2));
    await until(() => received.length === 2);
    expect(other.getSnapshot()).toEqual(one.getSnapshot());
    expect(service.requests.length).toBe(1);
  });

  it('keeps it while anybody uses it, and a moment longer', async () => {
    const [one, other] = [share(), share()];
    await until(() => service.streams.length === 1);
    one.close();
    one.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(service.stream.isClosed()).toBe(false);
    other.close();
    await vi.advanceTimersByTimeAsync(999);
    expect(service.stream.isClosed()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await until(() => service.stream.isClosed());
  });

  it('gives it to one who comes in that moment', async () => {
    share().close();
    await until(() => service.streams.length === 1);
    share();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(service.stream.isClosed()).toBe(false);
    expect(service.requests.length).toBe(1);
  });

  it.each<[string, Partial<ShareOptions>]>([
    ['filter', { filter: { all: true } }],
    ['service', { url: 'http://other.test' }],
    ['subject', { auth: { token: 'one', subject: 'G1' } }],
    ['token', { auth: { token: 'one' } }],
  ])('has another for another %s', async (_, options) => {
    share();
    share(options);
    await until(() => service.streams.length === 2);
  });

  it('asks anew for one who comes after a refusal', async () => {
    service.next(refusal(403));
    const refused = share();
    await until(() => refused.getSnapshot().status === 'closed');
    share();
    await until(() => service.streams.length === 1);
    expect(refused.getSnapshot().status).toBe('closed');
    refused.close();
    await vi.advanceTimersByTimeAsync(5_000);
    share();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(service.requests.length).toBe(2);
  });

  it('says how its connections are, as one', async () => {
    expect(overallState.getSnapshot().status).toBe('closed');
    const told = vi.fn();
    const stop = overallState.subscribe(told);
    share();
    expect(overallState.getSnapshot().status).toBe('connecting');
    await until(() => service.streams.length === 1);
    await letIn();
    expect(overallState.getSnapshot()).toMatchObject({ status: 'open', lastEventId: id(1) });
    share({ filter: { all: true } });
    expect(overallState.getSnapshot().status).toBe('connecting');
    await until(() => service.streams.length === 2);
    await letIn();
    expect(overallState.getSnapshot().status).toBe('open');
    service.streams[0]?.fail();
    await until(() => overallState.getSnapshot().status === 'reconnecting');
    expect(told).toHaveBeenCalled();
    stop();
  });
});

describe('tabs', () => {
  it('share where nobody signs in, or the subject is known', async () => {
    const browser = new FakeBrowser();
    for (const auth of [undefined, { token: 'one', subject: 'G1' }]) {
      share({ auth, tabs: browser.openTab() });
    }
    await until(() => service.requests.length === 2);
    expect(browser.channels.size).toBe(2);
  });

  it('do not share where a token may stand for anybody', async () => {
    const browser = new FakeBrowser();
    share({ auth: { token: 'one' }, tabs: browser.openTab() });
    await until(() => service.requests.length === 1);
    expect(browser.channels.size).toBe(0);
  });

  it('have a connection each where the browser lacks locks or channels', async () => {
    vi.stubGlobal('navigator', {});
    share({ tabs: undefined });
    await until(() => service.requests.length === 1);
    vi.unstubAllGlobals();
  });
});
