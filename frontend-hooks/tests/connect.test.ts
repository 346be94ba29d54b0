import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectionHarness } from './support/connection';
import { changedFrame, connectedFrame, eventFrame, id, notice, offline, resumeId, revisedFrame, settle, until } from './support/service';

const on = connectionHarness();

describe('an open connection', () => {
  it('asks for its filter and is open once the service says so', async () => {
    on.open({ url: 'http://service.test/', filter: { users: ['G2', 'G1'], types: ['stream.created'] } });
    expect(on.status()).toBe('connecting');
    await until(() => on.service.streams.length === 1);
    expect(on.service.stream.url.pathname + on.service.stream.url.search).toBe(
      '/v1/events/subscribe?users=G1%2CG2&types=stream.created',
    );
    expect(on.status()).toBe('connecting');
    on.service.stream.send(connectedFrame(id(1)));
    await until(() => on.status() === 'open');
    expect(on.lastId()).toBe(id(1));
  });

  it('hands on events in order and follows them with its last id', async () => {
    await on.opened();
    on.service.stream.send(eventFrame(2) + eventFrame(3));
    await until(() => on.lastId() === id(3));
    expect(on.received()).toEqual([id(2), id(3)]);
    expect(on.frames[0]).toMatchObject({ event: { type: 'stream.withdrawn', streamId: '7', amount: '1000' } });
  });

  it('drops an event that it has', async () => {
    await on.opened();
    on.service.stream.send(eventFrame(2) + eventFrame(2) + eventFrame(1) + eventFrame(3));
    await until(() => on.lastId() === id(3));
    expect(on.received()).toEqual([id(2), id(3)]);
  });

  it('moves its last id on in silence', async () => {
    await on.opened();
    on.service.stream.send(`id: ${id(5)}\n\n`);
    await until(() => on.lastId() === id(5));
    expect(on.received()).toEqual([]);
  });

  it('passes over a notice that it does not know', async () => {
    await on.opened();
    on.service.stream.send(notice('news') + eventFrame(2));
    await until(() => on.lastId() === id(2));
    expect(on.received()).toEqual([id(2)]);
  });

  it('hands on which streams changed without an event, with the id that follows', async () => {
    await on.opened();
    on.service.stream.send(changedFrame(resumeId(1, 5)));
    await until(() => on.lastId() === resumeId(1, 5));
    const changed = { streams: [{ contractId: 'C', streamId: '7' }] };
    expect(on.frames).toEqual([{ kind: 'changed', id: resumeId(1, 5), changed }]);
  });

  it('hands on a hint that earlier events were revised', async () => {
    await on.opened();
    on.service.stream.send(revisedFrame(resumeId(1, 5)));
    await until(() => on.lastId() === resumeId(1, 5));
    expect(on.frames).toEqual([{ kind: 'revised', id: resumeId(1, 5), revised: { fromId: id(1), toId: id(2) } }]);
  });

  it('hands on that hint though its id never came, and does not claim that it was told', async () => {
    await on.opened();
    on.service.stream.send(notice('revised', { fromId: id(1), toId: id(2) }));
    on.service.stream.end();
    await until(() => on.frames.length === 1);
    expect(on.received()).toEqual(['revised']);
    expect(on.lastId()).toBe(id(1));
  });

  it('resumes from the id of the frame, and hands on the event under its own', async () => {
    await on.opened();
    on.service.stream.send(eventFrame(2, {}, resumeId(2, 5)) + eventFrame(2) + eventFrame(3, {}, resumeId(3, 5)));
    await until(() => on.lastId() === resumeId(3, 5));
    expect(on.received()).toEqual([id(2), id(3)]);
    on.service.stream.end();
    await on.comesBackAfter(3_000);
    expect(on.service.requests.at(-1)?.headers.get('last-event-id')).toBe(resumeId(3, 5));
  });

  it('hands on events whatever a listener throws, and lets the page see the fault', async () => {
    const seen: unknown[] = [];
    const catcher = (fault: unknown) => seen.push(fault);
    process.on('uncaughtException', catcher);
    await on.opened();
    on.connection.onFrame(() => {
      throw new Error('of the page');
    });
    on.service.stream.send(eventFrame(2) + eventFrame(3));
    await until(() => on.received().length === 2 && seen.length === 2);
    process.off('uncaughtException', catcher);
    expect(on.status()).toBe('open');
  });

  it('hands on nothing more once it is closed', async () => {
    await on.opened();
    on.connection.onFrame(() => on.connection.close());
    on.service.stream.send(eventFrame(2) + eventFrame(3));
    await settle();
    expect(on.received()).toEqual([id(2)]);
    expect(on.service.stream.isClosed()).toBe(true);
    await on.staysAway();
  });
});

describe('a reset', () => {
  const reset = { reason: 'beyondTip', oldestEventId: id(1), newestEventId: id(4) };

  it('is told, and takes the place where the connection begins for the last id', async () => {
    on.open({ lastEventId: id(99) });
    await until(() => on.service.streams.length === 1);
    on.service.stream.send(connectedFrame(id(4)) + notice('reset', reset) + eventFrame(5));
    await until(() => on.frames.length === 2);
    expect(on.frames[0]).toEqual({ kind: 'reset', reset });
    expect(on.received()[1]).toBe(id(5));
    expect(on.lastId()).toBe(id(5));
  });

  it('takes its own id, where it has one, for the last id', async () => {
    on.open({ lastEventId: id(99) });
    await until(() => on.service.streams.length === 1);
    on.service.stream.send(`${connectedFrame()}id: ${resumeId(4, 5)}\n${notice('reset', reset)}`);
    await until(() => on.frames.length === 1);
    expect(on.lastId()).toBe(resumeId(4, 5));
  });

  it('leaves no last id where the service has no place to begin', async () => {
    on.open({ lastEventId: id(99) });
    await until(() => on.service.streams.length === 1);
    on.service.stream.send(connectedFrame() + notice('reset', reset));
    await until(() => on.frames.length === 1);
    expect(on.lastId()).toBeUndefined();
  });

  it('of the network goes on with the events of the new epoch', async () => {
    await on.opened();
    on.service.stream.send(eventFrame(9) + notice('reset', { ...reset, reason: 'networkReset' }));
    on.service.stream.send(eventFrame(2, { id: id(2, 1) }));
    await until(() => on.lastId() === id(2, 1));
    expect(on.received()).toEqual([id(9), 'reset', id(2, 1)]);
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
    await on.opened({ storage: session });
    on.service.stream.send(eventFrame(2));
    await until(() => on.lastId() === id(2));
    on.connection.close();
    on.open({ storage: session });
    await until(() => on.service.streams.length === 2);
    expect(on.service.stream.url.searchParams.get('lastEventId')).toBe(id(2));
    expect(on.service.stream.headers.has('last-event-id')).toBe(false);
  });

  it('is not that of another filter or subject, and its name holds no token', async () => {
    const session = storage();
    await on.opened({ storage: session, auth: { token: 'secret', subject: 'G1' } });
    on.connection.close();
    on.open({ storage: session, auth: { token: 'secret', subject: 'G2' } });
    await until(() => on.service.streams.length === 2);
    expect(on.service.stream.url.searchParams.has('lastEventId')).toBe(false);
    expect(JSON.stringify([...session.kept])).not.toContain('secret');
  });

  it('is forgotten at a reset', async () => {
    const session = storage();
    await on.opened({ storage: session });
    on.service.stream.end();
    await on.comesBackAfter(3_000);
    on.service.stream.send(connectedFrame() + notice('reset', {}));
    await until(() => on.frames.length === 1);
    expect(session.kept.size).toBe(0);
  });

  it('is not missed where the storage is locked', async () => {
    const locked = () => {
      throw new DOMException('locked', 'SecurityError');
    };
    await on.opened({ storage: { getItem: locked, setItem: locked, removeItem: locked } });
    on.service.stream.send(eventFrame(2));
    await until(() => on.lastId() === id(2));
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
    await on.opened({ pauseWhenHidden: true });
    become('hidden');
    await until(() => on.service.stream.isClosed());
    await settle();
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', error: undefined });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(on.requests()).toBe(1);
    become('visible');
    await until(() => on.requests() === 2);
    expect(on.service.stream.headers.get('last-event-id')).toBe(id(1));
  });

  it('does not wait out a back-off that began before it was hidden', async () => {
    on.service.next(offline);
    on.open({ pauseWhenHidden: true });
    await settle();
    become('hidden');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(on.requests()).toBe(1);
    become('visible');
    await until(() => on.requests() === 2);
  });

  it('keeps its connection if not asked to let go', async () => {
    await on.opened();
    become('hidden');
    on.service.stream.send(eventFrame(2));
    await until(() => on.lastId() === id(2));
  });

  it('can be closed while it is hidden', async () => {
    await on.opened({ pauseWhenHidden: true });
    become('hidden');
    await settle();
    on.connection.close();
    become('visible');
    await on.staysAway();
  });
});
