// Calls with a client that is only the types of the OpenAPI document: the document must contain everything read here.
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

type Schemas = components['schemas'];

export class Calls {
  readonly #client;

  constructor(baseUrl: string) {
    this.#client = createClient<paths>({ baseUrl });
  }

  /** Returns the ids of all streams of a user, page by page. */
  async streamIds(user: string, limit: number): Promise<{ ids: string[]; pages: number }> {
    const ids: string[] = [];
    let pages = 0;
    for (let cursor: string | null | undefined; cursor !== null; pages += 1) {
      const query = { user, limit, order: 'asc', ...(cursor === undefined ? {} : { cursor }) } as const;
      const { data, error } = await this.#client.GET('/v1/streams', { params: { query } });
      if (error) throw new Error(error.detail);
      ids.push(...data.data.map(({ streamId }) => streamId));
      cursor = data.hasMore ? data.nextCursor : null;
    }
    return { ids, pages };
  }

  /** Returns a stream's sender and a text for each of its events. */
  async stream(id: string): Promise<{ sender: string; events: string[] }> {
    const { data, error } = await this.#client.GET('/v1/streams/{id}', { params: { path: { id } } });
    if (error) throw new Error(error.detail);
    if (!('events' in data)) throw new Error('the record is read from the chain');
    return { sender: data.sender, events: data.events.map(said) };
  }

  async claimable(id: string, at: number): Promise<bigint | null> {
    const params = { path: { id }, query: { at } };
    const { data, error } = await this.#client.GET('/v1/streams/{id}/claimable', { params });
    if (error) throw new Error(error.detail);
    return data.claimableAmount === null ? null : BigInt(data.claimableAmount);
  }

  /** Returns the amount per second that an address pays, by token. */
  async outgoingRates(address: string): Promise<Map<string, bigint>> {
    const { data, error } = await this.#client.GET('/v1/users/{address}/summary', { params: { path: { address } } });
    if (error) throw new Error(error.detail);
    return new Map(data.tokens.map(({ tokenAddress, outgoing }) => [tokenAddress, BigInt(outgoing.ratePerSecond)]));
  }

  async problemOfStream(id: string): Promise<Schemas['Problem'] | undefined> {
    const { error } = await this.#client.GET('/v1/streams/{id}', { params: { path: { id } } });
    return error;
  }
}

/** Describes an event with fields that only its type has: `type` tells which type it is. */
function said(event: Schemas['Event']): string {
  switch (event.type) {
    case 'stream.created':
      return `${event.streamId} accrues ${event.ratePerSecond}`;
    case 'stream.topped_up':
      return `${event.streamId} holds ${event.newDepositedAmount}`;
    case 'stream.fee_collected':
      return `${event.streamId} paid ${event.feeAmount}`;
    default:
      return event.type;
  }
}

/** Describes a frame: its `event` tells the type of its `data`. */
export function told(frame: Schemas['SubscriptionFrame']): string {
  switch (frame.event) {
    case 'connected':
      return `connected, streams ${frame.data.filter.streams.join()}`;
    case 'reset':
      return `reset, ${frame.data.reason}`;
    case 'revised':
      return `revised from ${frame.data.fromId}`;
    case 'changed':
      return `changed, streams ${frame.data.streams.map((stream) => stream.streamId).join()}`;
    case 'expired':
      return `over, ${frame.data.reason}`;
    case 'resume':
      return `to be resumed, ${frame.data.reason}`;
    case 'stream.topped_up':
      return `${frame.data.id}: ${frame.data.newDepositedAmount}`;
    default:
      return `${frame.data.id}: ${said(frame.data)}`;
  }
}
