import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../src/core/connection-state';
import type { ConnectOptions } from '../src/core/options';
import type { Frame } from '../src/core/reading';
import { connectAcrossTabs } from '../src/core/tabs';
import { FakeBrowser, type FakeTab } from './support/browser';
import {
  answer,
  connectedFrame,
  eventFrame,
  FakeService,
  id,
  notice,
  offline,
  refusal,
  resumeId,
  revisedFrame,
  settle,
  until,
} from './support/service';

interface OpenTab {
  tab: FakeTab;
  connection: Connection;
  received: string[];
  lastId: () => string | undefined;
  status: () => string;
}

let service: FakeService;
let browser: FakeBrowser;
let opened: OpenTab[];
let page: { visibilityState: string } & EventTarget;

beforeEach(() => {
  vi.useFakeTimers();
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('document', page);
  service = new FakeService();
  browser = new FakeBrowser();
  opened = [];
});

afterEach(() => {
  for (const { connection } of opened) connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function openTab(options: Partial<ConnectOptions> = {}): OpenTab {
  const tab = browser.openTab();
  const base = { url: 'http://service.test', filter: { all: true }, fetch: service.fetch, random: () => 0 };
  const connection = connectAcrossTabs({ ...base, ...options }, tab);
  const received: string[] = [];
  const name = (frame: Frame) => (frame.kind === 'event' ? frame.event.id : frame.kind);
  connection.onFrame((frame) => received.push(name(frame)));
  const state = () => connection.getSnapshot();
  const open = { tab, connection, received, lastId: () => state().lastEventId, status: () => state().status };
  opened.push(open);
  return open;
}

/** Opens so many tabs, of which the first leads and is connected after the first event. */
async function openTabs<const T extends number>(count: T): Promise<[OpenTab, OpenTab, OpenTab]> {
  const tabs = Array.from({ length: count }, () => openTab());
  await until(() => service.streams.length === 1);
  service.stream.send(connectedFrame(id(1)));
  await until(() => tabs.every(({ status }) => status() === 'open'));
  return tabs as [OpenTab, OpenTab, OpenTab];
}

/** Lets so many heartbeats pass that the service sends to the first connection. */
async function beats(count: number): Promise<void> {
  for (let beat = 0; beat < count; beat += 1) {
    await vi.advanceTimersByTimeAsync(15_000);
    if (!service.streams[0]?.isClosed()) service.streams[0]?.send(': heartbeat\n\n');
  }
}

describe('tabs', () => {
  it('share one connection, and all are told every event and the state', async () => {
    const tabs = await openTabs(3);
    service.stream.send(eventFrame(2) + eventFrame(3));
    await until(() => tabs.every(({ lastId }) => lastId() === id(3)));
    for (const { received } of tabs) expect(received).toEqual([id(2), id(3)]);
    expect(service.requests.length).toBe(1);
  });

  it('that come late are told the state', async () => {
    await openTabs(2);
    service.stream.send(eventFrame(2));
    await settle();
    const late = openTab();
    await until(() => late.status() === 'open');
    expect(late.lastId()).toBe(id(2));
    expect(late.received).toEqual([]);
    expect(service.requests.length).toBe(1);
  });

  it('are told of a revision once, and resume from the same id', async () => {
    const tabs = await openTabs(3);
    service.stream.send(revisedFrame(resumeId(1, 1)) + eventFrame(2, {}, resumeId(2, 1)));
    await until(() => tabs.every(({ lastId }) => lastId() === resumeId(2, 1)));
    for (const { received } of tabs) expect(received).toEqual(['revised', id(2)]);
  });

  it('follow the silent progress of the leader', async () => {
    const tabs = await openTabs(2);
    service.stream.send(`id: ${id(5)}\n\n`);
    await until(() => tabs.every(({ lastId }) => lastId() === id(5)));
  });

  it('are told that the connection broke, why, and that it is back', async () => {
    const [, follower] = await openTabs(2);
    service.next(refusal(500));
    service.stream.end();
    await vi.advanceTimersByTimeAsync(3_000);
    await until(() => follower.connection.getSnapshot().error !== undefined);
    expect(follower.connection.getSnapshot()).toMatchObject({
      status: 'reconnecting',
      error: { name: 'StreamError', status: 500, message: 'refused with 500', problem: { title: 'Test' } },
    });
    await vi.advanceTimersByTimeAsync(1_000);
    await until(() => service.streams.length === 2);
    service.stream.send(connectedFrame(id(1)));
    await until(() => follower.status() === 'open');
    expect(follower.connection.getSnapshot().error).toBeUndefined();
  });

  it('each take a reset once and go on from the same place', async () => {
    const tabs = await openTabs(2);
    service.stream.send(eventFrame(9));
    await until(() => tabs.every(({ lastId }) => lastId() === id(9)));
    service.stream.send(notice('reset', { reason: 'networkReset', oldestEventId: null, newestEventId: null }));
    service.stream.send(eventFrame(2, { id: id(2, 1) }));
    await until(() => tabs.every(({ lastId }) => lastId() === id(2, 1)));
    for (const { received } of tabs) expect(received).toEqual([id(9), 'reset', id(2, 1)]);
  });

  it('of another filter or subject are no concern of these', async () => {
    await openTabs(2);
    openTab({ filter: { users: ['G1'] } });
    openTab({ auth: { token: 'token', subject: 'G1' } });
    await until(() => service.requests.length === 3);
  });
});

describe('when the leader goes', () => {
  it('by closing, the next tab resumes where it was', async () => {
    const [leader, next, third] = await openTabs(3);
    service.stream.send(eventFrame(2));
    await until(() => third.lastId() === id(2));
    leader.connection.close();
    await until(() => service.streams.length === 2);
    expect(service.streams[0]?.isClosed()).toBe(true);
    expect(service.stream.url.searchParams.get('lastEventId')).toBe(id(2));
    expect(next.status()).toBe('reconnecting');
    service.stream.send(connectedFrame(id(2)) + eventFrame(3));
    await until(() => third.lastId() === id(3));
    expect([next.received, third.received]).toEqual([[id(2), id(3)], [id(2), id(3)]]);
    expect(leader.status()).toBe('closed');
  });

  it('by being killed, no event is lost and none is doubled', async () => {
    const [leader, next, third] = await openTabs(3);
    service.stream.send(eventFrame(2));
    await until(() => third.lastId() === id(2));
    next.tab.isMute = true;
    service.stream.send(eventFrame(3));
    await until(() => third.lastId() === id(3));
    next.tab.isMute = false;
    leader.tab.die();
    await until(() => service.streams.length === 2);
    expect(service.stream.url.searchParams.get('lastEventId')).toBe(id(2));
    service.stream.send(connectedFrame(id(2)) + eventFrame(3) + eventFrame(4));
    await until(() => third.lastId() === id(4) && next.lastId() === id(4));
    expect(next.received).toEqual([id(2), id(3), id(4)]);
    expect(third.received).toEqual([id(2), id(3), id(4)]);
  });

  it('by being frozen, a tab that is seen takes the lead after two and a half heartbeats', async () => {
    const [leader, next] = await openTabs(2);
    leader.tab.isMute = true;
    await beats(2);
    expect(service.streams.length).toBe(1);
    await beats(1);
    await until(() => service.streams.length === 2);
    expect(service.stream.url.searchParams.get('lastEventId')).toBe(id(1));
    service.stream.send(connectedFrame(id(1)) + eventFrame(2));
    await until(() => next.received.length === 1);
    leader.tab.isMute = false;
    service.stream.send(eventFrame(3));
    await until(() => leader.lastId() === id(3));
    expect(leader.received).toEqual([id(2), id(3)]);
    expect(service.streams[0]?.isClosed()).toBe(true);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(service.streams.length).toBe(2);
  });

  it('by being frozen, a tab that is hidden leaves it the lead', async () => {
    const [leader] = await openTabs(2);
    leader.tab.isMute = true;
    page.visibilityState = 'hidden';
    await beats(8);
    expect(service.requests.length).toBe(1);
  });

  it('because it was refused, every other tab asks once with what it has', async () => {
    const [leader, next] = await openTabs(2);
    service.next(refusal(403), refusal(403));
    service.stream.end();
    await vi.advanceTimersByTimeAsync(3_000);
    await until(() => leader.status() === 'closed' && next.status() === 'closed');
    expect(next.connection.getSnapshot().error).toMatchObject({ status: 403 });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(service.requests.length).toBe(3);
  });

  it('and is silent only because it waits as told, it keeps the lead', async () => {
    await openTabs(2);
    service.next(refusal(503, { 'retry-after': '600' }));
    service.stream.end();
    await vi.advanceTimersByTimeAsync(3_000);
    await vi.advanceTimersByTimeAsync(590_000);
    expect(service.requests.length).toBe(2);
  });
});

describe('while the service is away', () => {
  it('every tab is told how many attempts failed, when the next one is made, and who refused', async () => {
    const [leader, follower] = await openTabs(2);
    service.next(answer(503, '<html>', { 'retry-after': '20' }), offline);
    service.stream.fail();
    await vi.advanceTimersByTimeAsync(1_000);
    await until(() => follower.connection.getSnapshot().attempt === 2);
    for (const { connection } of [leader, follower]) {
      const error = { status: 503, retryAfterMs: 20_000, isFinal: false };
      expect(connection.getSnapshot()).toMatchObject({ attempt: 2, retryAt: Date.now() + 20_000, error });
    }
    await vi.advanceTimersByTimeAsync(20_000);
    await until(() => follower.connection.getSnapshot().attempt === 3);
    expect(follower.connection.getSnapshot().error).toMatchObject({ message: 'fetch failed', isFinal: false });
  });

  it('each tab gives up after as many attempts as the page wants, and says how many', async () => {
    service.next(...Array.from({ length: 6 }, () => offline));
    const tabs = [openTab({ backOff: { attempts: 3 } }), openTab({ backOff: { attempts: 3 } })];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(service.requests.length).toBe(6);
    for (const { connection } of tabs) {
      expect(connection.getSnapshot()).toMatchObject({ status: 'closed', attempt: 3, retryAt: undefined });
    }
  });

  it('a tab that is closed or hidden no longer says when it comes back', async () => {
    service.next(offline, offline);
    const closed = openTab();
    await until(() => closed.connection.getSnapshot().retryAt !== undefined);
    closed.connection.close();
    expect(closed.connection.getSnapshot()).toMatchObject({ status: 'closed', retryAt: undefined });
    const hidden = openTab({ pauseWhenHidden: true });
    await until(() => hidden.connection.getSnapshot().retryAt !== undefined);
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    expect(hidden.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', retryAt: undefined });
  });
});

describe('tabs that are told to expect heartbeats at nonsensical intervals', () => {
  const intervals = [0, -5, Number.NaN, Number.POSITIVE_INFINITY];

  it.each(intervals)('tell each other no more than once a second: %o', async (heartbeatMs) => {
    const [leader] = [openTab({ heartbeatMs }), openTab({ heartbeatMs })];
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame(id(1)));
    await until(() => leader.status() === 'open');
    const before = leader.tab.said.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(leader.tab.said.length - before).toBeLessThanOrEqual(10);
  });
});

describe('a tab that has fallen behind', () => {
  it('gets what it is missing from the leader', async () => {
    const [, behind] = await openTabs(2);
    behind.tab.isMute = true;
    service.stream.send(eventFrame(2) + eventFrame(3));
    await settle();
    behind.tab.isMute = false;
    service.stream.send(eventFrame(4));
    await until(() => behind.lastId() === id(4));
    expect(behind.received).toEqual([id(2), id(3), id(4)]);
  });

  it('asks once, however many events come meanwhile', async () => {
    const [, behind] = await openTabs(2);
    behind.tab.isMute = true;
    service.stream.send(eventFrame(2));
    await settle();
    behind.tab.isMute = false;
    behind.tab.said.length = 0;
    service.stream.send(Array.from({ length: 20 }, (_, index) => eventFrame(index + 3)).join(''));
    await until(() => behind.lastId() === id(22));
    expect(behind.received).toEqual(Array.from({ length: 21 }, (_, index) => id(index + 2)));
    expect(behind.tab.said.length).toBe(1);
  });

  it.each([0, 1])('is told of a revision that it missed, %i events later', async (count) => {
    const [, behind] = await openTabs(2);
    behind.tab.isMute = true;
    service.stream.send(revisedFrame(resumeId(1, 1)));
    await settle();
    behind.tab.isMute = false;
    service.stream.send(count > 0 ? eventFrame(2, {}, resumeId(2, 1)) : `id: ${resumeId(2, 1)}\n\n`);
    await until(() => behind.lastId() === resumeId(2, 1));
    expect(behind.received).toEqual(count > 0 ? ['revised', id(2)] : ['revised']);
  });

  it('comes back after a reload and is told of the revision that it missed', async () => {
    const [, follower] = await openTabs(2);
    follower.connection.close();
    service.stream.send(revisedFrame(resumeId(1, 1)));
    await settle();
    const again = openTab({ lastEventId: id(1) });
    await until(() => again.lastId() === resumeId(1, 1));
    expect(again.received).toEqual(['revised']);
    expect(service.requests.length).toBe(1);
  });

  it('comes back after a reload and gets what it missed', async () => {
    const [, follower] = await openTabs(2);
    service.stream.send(eventFrame(2));
    await until(() => follower.lastId() === id(2));
    follower.connection.close();
    service.stream.send(eventFrame(3));
    await settle();
    const again = openTab({ lastEventId: id(2) });
    await until(() => again.lastId() === id(3));
    expect(again.received).toEqual([id(3)]);
    expect(service.requests.length).toBe(1);
  });

  it('is told to fetch anew when what it is missing is no longer there', async () => {
    await openTabs(2);
    const count = 300;
    service.stream.send(Array.from({ length: count }, (_, index) => eventFrame(index + 2)).join(''));
    await settle();
    const late = openTab({ lastEventId: id(1) });
    await until(() => late.lastId() === id(count + 1));
    expect(late.received).toEqual(['reset']);
    service.stream.send(eventFrame(count + 2));
    await until(() => late.received.length === 2);
  });
});

describe('a tab that comes back after a reset of the network', () => {
  it.each([0, 1])('is told to fetch anew, %i events later', async (count) => {
    const tabs = await openTabs(2);
    service.stream.send(eventFrame(9) + notice('reset', { reason: 'networkReset' }) + notice('revised'));
    if (count > 0) service.stream.send(eventFrame(2, { id: id(2, 1) }));
    service.stream.send(`id: ${id(3, 1)}\n\n`);
    await until(() => tabs.every(({ lastId }) => lastId() === id(3, 1)));
    const back = openTab({ lastEventId: id(5) });
    await until(() => back.lastId() === id(3, 1));
    expect(back.received).toEqual(['reset']);
  });
});

describe('a tab that is hidden and is to pause', () => {
  it('leaves the lead to another and gets what it missed when it is shown', async () => {
    const pausing = openTab({ pauseWhenHidden: true });
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame(id(1)));
    await until(() => pausing.status() === 'open');
    const other = openTab();
    await until(() => other.status() === 'open');
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    await until(() => service.streams.length === 2);
    expect(pausing.status()).toBe('reconnecting');
    service.stream.send(connectedFrame(id(1)) + eventFrame(2));
    await until(() => other.lastId() === id(2));
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    await until(() => pausing.lastId() === id(2));
    expect([pausing.received, pausing.status()]).toEqual([[id(2)], 'open']);
    expect(service.streams.length).toBe(2);
  });
});

describe('a browser that has locks in name only', () => {
  it('lets each tab lead itself', async () => {
    const tab = browser.openTab();
    const request = () => Promise.reject(new DOMException('sandboxed', 'SecurityError'));
    const options = { url: '', filter: { all: true }, fetch: service.fetch };
    const connection = connectAcrossTabs(options, { locks: { request }, openChannel: tab.openChannel });
    await until(() => service.streams.length === 1);
    service.stream.send(connectedFrame(id(1)));
    await until(() => connection.getSnapshot().status === 'open');
    connection.close();
    await until(() => service.stream.isClosed());
  });
});
