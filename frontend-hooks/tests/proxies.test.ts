import { describe, expect, it } from 'vitest';
import { connectionHarness } from './support/connection';
import { answer, connectedFrame, id, problem, refusal, until } from './support/service';

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
