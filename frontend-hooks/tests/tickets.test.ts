import { expect, it } from 'vitest';
import { ticketsFrom } from '../src/core/credentials';
import { answer, FakeService, json, refusal } from './support/service';

const filter = { streams: ['7', '3'], users: [] };

it('asks for a ticket that is good for the filter', async () => {
  const service = new FakeService().next(json({ ticket: 'one', expiresAt: 1_795_737_660 }));
  const ticket = ticketsFrom({ url: 'http://service.test', filter, token: 'token', fetch: service.fetch });
  expect(await ticket()).toBe('one');
  const [request] = service.requests;
  expect(request?.url.pathname).toBe('/v1/events/tickets');
  expect(request?.headers.get('authorization')).toBe('Bearer token');
  expect(JSON.parse(request?.body ?? '')).toEqual({ streams: ['3', '7'] });
});

it.each([
  ['401 of the service', refusal(401)],
  ['403 of the service', refusal(403)],
  ['401 of a gateway', answer(401, '<html>')],
])('asks for another token after %s', async (_, refused) => {
  const service = new FakeService().next(refused, json({ ticket: 'two' }));
  const token = async (refused?: string) => (refused === undefined ? 'stale' : 'fresh');
  const ticket = ticketsFrom({ url: '', filter, token, fetch: service.fetch });
  await expect(ticket()).rejects.toBeInstanceOf(Error);
  expect(await ticket()).toBe('two');
  expect(service.requests[1]?.headers.get('authorization')).toBe('Bearer fresh');
});

it('fails with the problem of a refusal', async () => {
  const service = new FakeService().next(refusal(404));
  const ticket = ticketsFrom({ url: '', filter, token: 'token', fetch: service.fetch });
  await expect(ticket()).rejects.toMatchObject({ status: 404, message: 'refused with 404' });
});

it.each([
  ['has none', json({})],
  ['is null', json(null)],
  ['is a page', answer(200, '<html>')],
])('fails where the answer to a request for a ticket %s', async (_, foreign) => {
  const service = new FakeService().next(foreign);
  const ticket = ticketsFrom({ url: '', filter, token: 'token', fetch: service.fetch });
  await expect(ticket()).rejects.toBeInstanceOf(Error);
});
