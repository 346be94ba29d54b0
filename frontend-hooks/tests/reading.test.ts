import { describe, expect, it, vi } from 'vitest';
import { StreamError } from '../src/core/stream-error';
import { connectionHarness } from './support/connection';
import { connectedFrame, eventFrame, id, notice, offline, until } from './support/service';

const on = connectionHarness();

describe('the verdict on reading', () => {
  it('waits as the service said after a clean end, and resumes by a header', async () => {
    await on.opened();
    on.service.stream.send(`${eventFrame(2)}retry: 4321\n\n`);
    on.service.stream.end();
    await on.comesBackAfter(4_321);
    expect(on.service.stream.headers.get('last-event-id')).toBe(id(2));
    expect(on.service.stream.url.searchParams.has('lastEventId')).toBe(false);
  });

  it('comes back no sooner than it is told, though it was never let in, and backs off', async () => {
    on.open({ random: () => 1 });
    for (const ms of [3_500, 4_000, 8_000]) {
      await until(() => on.service.streams.length === on.requests());
      on.service.stream.send('retry: 2500\n\n');
      on.service.stream.end();
      await on.comesBackAfter(ms);
    }
    expect(on.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: 3 });
  });

  it('waits a tenth of a second at least, whatever it is told', async () => {
    await on.opened();
    on.service.stream.send('retry: 0\n\n');
    on.service.stream.end();
    await on.comesBackAfter(100);
  });

  it('waits no longer than ten minutes, whatever it is told', async () => {
    await on.opened();
    on.service.stream.send('retry: 99999999999\n\n');
    on.service.stream.end();
    await on.comesBackAfter(600_000);
  });

  it('backs off when the connection breaks, and begins anew once it was open', async () => {
    on.service.next(offline, offline);
    on.open({ random: () => 1 });
    await on.comesBackAfter(2_000);
    await on.comesBackAfter(4_000);
    on.service.stream.send(connectedFrame(id(1)));
    await until(() => on.status() === 'open');
    on.service.stream.fail();
    await until(() => on.status() === 'reconnecting');
    expect(on.connection.getSnapshot().error?.message).toBe('network error');
    await on.comesBackAfter(2_000);
    on.service.stream.send(connectedFrame(id(1)));
    await until(() => on.status() === 'open');
    expect(on.connection.getSnapshot().error).toBeUndefined();
  });

  it('drops half an event at the end of a body and gets it whole on resuming', async () => {
    await on.opened();
    on.service.stream.send(eventFrame(2).slice(0, -1));
    on.service.stream.end();
    await on.comesBackAfter(3_000);
    expect(on.service.stream.headers.get('last-event-id')).toBe(id(1));
    on.service.stream.send(connectedFrame(id(1)) + eventFrame(2));
    await until(() => on.received().length === 1);
  });

  it('takes a silence of two and a half heartbeats for a dead connection', async () => {
    await on.opened({ heartbeatMs: 2_000 });
    await vi.advanceTimersByTimeAsync(4_999);
    on.service.stream.send(': heartbeat\n\n');
    await vi.advanceTimersByTimeAsync(4_999);
    expect(on.status()).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(on.status()).toBe('reconnecting');
    expect(on.service.stream.isClosed()).toBe(true);
    expect(on.connection.getSnapshot().error?.message).toBe('the connection was silent');
    await on.comesBackAfter(1_000);
  });

  it('takes a service that does not answer for dead, too', async () => {
    const hangs = vi.fn<typeof fetch>((_, init) => {
      const refuse = (reject: (reason: unknown) => void) => () => reject(init?.signal?.reason);
      return new Promise((_, reject) => init?.signal?.addEventListener('abort', refuse(reject)));
    });
    on.open({ fetch: hangs });
    await vi.advanceTimersByTimeAsync(37_500);
    expect(on.status()).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(hangs).toHaveBeenCalledTimes(2);
  });

  it.each(['ticket', 'token'])('takes a source of a %s that never settles for dead, too', async (kind) => {
    const never = vi.fn(() => new Promise<string>(() => {}));
    on.open({ auth: kind === 'ticket' ? { ticket: never } : { token: never } });
    await vi.advanceTimersByTimeAsync(37_500);
    expect(on.status()).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(never).toHaveBeenCalledTimes(2);
  });

  it('resume comes back at once from the last id', async () => {
    await on.opened();
    await vi.advanceTimersByTimeAsync(1_000);
    on.service.stream.send(eventFrame(2) + notice('resume'));
    await until(() => on.service.streams.length === 2);
    expect(on.service.streams[0]?.isClosed()).toBe(true);
    expect(on.service.stream.headers.get('last-event-id')).toBe(id(2));
  });

  it('resume from a connection that was short waits as the service said', async () => {
    await on.opened();
    on.service.stream.send(notice('resume'));
    await on.comesBackAfter(3_000);
  });

  it('expired renews the token and comes back at once from the last id', async () => {
    let number = 0;
    await on.opened({ auth: { token: async (refused) => `token ${++number}, not ${refused}` } });
    await vi.advanceTimersByTimeAsync(60_000 - 30_000);
    on.service.stream.send(eventFrame(2) + notice('expired'));
    await until(() => on.service.streams.length === 2);
    expect(on.service.stream.headers.get('authorization')).toBe('Bearer token 2, not token 1, not undefined');
    expect(on.service.stream.headers.get('last-event-id')).toBe(id(2));
  });

  it('text that is not JSON ends the connection and is not passed over', async () => {
    await on.opened();
    on.service.stream.send(`id: ${id(2)}\nevent: stream.created\ndata: {\n\n`);
    await until(() => on.status() === 'reconnecting');
    expect(on.connection.getSnapshot().error).toBeInstanceOf(StreamError);
    expect(on.lastId()).toBe(id(1));
  });
});
