import type { Ticket } from '../api-types';
import { type EventFilter, normaliseFilter } from './filter';
import { endpoint } from './options';
import { errorOf, foreignAnswer, isTokenRefusal } from './stream-error';

interface Subject {
  /**
   * Whom the token or ticket stands for, for example the account's address. Tabs share a connection only where this is
   * known to be the same.
   */
  subject?: string | undefined;
}

/** Asks for a token. It is told which token was refused, so that a cache does not give it once more. */
export type TokenSource = (refused?: string) => Promise<string>;

/** A token, sent as `Authorization: Bearer`, or where it comes from. */
export interface TokenAuth extends Subject {
  token: string | TokenSource;
}

/** Where tickets come from: each is for one connection, and part of its address. */
export interface TicketAuth extends Subject {
  ticket: () => Promise<string>;
}

/** How the service is to know whom it answers. */
export type Auth = TokenAuth | TicketAuth;

/** The credentials of one client, renewed when they are refused. */
export class Credentials {
  readonly #auth: Auth | undefined;
  #token: string | undefined;
  #refused: string | undefined;

  constructor(auth: Auth | undefined) {
    this.#auth = auth;
  }

  /** Whether there can be others once these are refused. */
  get canRenew(): boolean {
    return this.#auth !== undefined && !('token' in this.#auth && typeof this.#auth.token === 'string');
  }

  /** Takes note that the last ones are no longer good. */
  refuse(): void {
    this.#refused = this.#token;
  }

  /** Adds them to a request. */
  async addTo(headers: Headers, query?: URLSearchParams): Promise<void> {
    const auth = this.#auth;
    if (auth === undefined) return;
    if ('ticket' in auth) {
      query?.set('ticket', await auth.ticket());
      return;
    }
    this.#token = typeof auth.token === 'string' ? auth.token : await auth.token(this.#refused);
    headers.set('authorization', `Bearer ${this.#token}`);
  }
}

/** What a ticket is asked for with. */
export interface TicketOptions {
  /** Where the service is, without the path. */
  url: string;
  /** What the ticket is to be good for: the filter of the connection. */
  filter: EventFilter;
  token: string | TokenSource;
  fetch?: typeof globalThis.fetch | undefined;
}

/** Returns a source of tickets that asks the service for each. */
export function ticketsFrom({ url, filter, token, fetch = globalThis.fetch }: TicketOptions): () => Promise<string> {
  const credentials = new Credentials({ token });
  return async () => {
    const headers = new Headers({ 'content-type': 'application/json' });
    await credentials.addTo(headers);
    const body = JSON.stringify(normaliseFilter(filter));
    const response = await fetch(endpoint(url, '/v1/events/tickets'), { method: 'POST', headers, body });
    if (!response.ok) {
      const error = await errorOf(response);
      if (isTokenRefusal(error)) credentials.refuse();
      throw error;
    }
    const { ticket } = (await response.json()) as Partial<Ticket>;
    if (!ticket) throw foreignAnswer('the answer holds no ticket');
    return ticket;
  };
}
