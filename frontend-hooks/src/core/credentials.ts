import type { Ticket } from '../api-types';
import { endpoint } from './endpoint';
import { type EventFilter, normaliseFilter } from './filter';
import { errorOf, foreignAnswer, isTokenRefusal } from './stream-error';

interface Subject {
  /**
   * The identity behind the token or ticket, for example the account's address. Tabs share a connection only if they
   * are known to have the same subject.
   */
  subject?: string | undefined;
}

/** Asks for a token. It is told which token was refused, so that a cache does not return that one again. */
export type TokenSource = (refused?: string) => Promise<string>;

/** A token, sent as `Authorization: Bearer`, or a source of tokens. */
export interface TokenAuth extends Subject {
  token: string | TokenSource;
}

/** A source of tickets. Each ticket serves one connection and is part of its address. */
export interface TicketAuth extends Subject {
  ticket: () => Promise<string>;
}

/** How the client identifies itself to the service. */
export type Auth = TokenAuth | TicketAuth;

/** The credentials of one client, renewed when they are refused. */
export class Credentials {
  readonly #auth: Auth | undefined;
  #token: string | undefined;
  #refused: string | undefined;

  constructor(auth: Auth | undefined) {
    this.#auth = auth;
  }

  /** Whether new credentials can be obtained once these are refused. */
  get canRenew(): boolean {
    return this.#auth !== undefined && !('token' in this.#auth && typeof this.#auth.token === 'string');
  }

  /** Notes that the service refused the last credentials. */
  refuse(): void {
    this.#refused = this.#token;
  }

  /** Adds them to a request, unless the request is aborted before its source has settled. */
  async addTo(headers: Headers, signal?: AbortSignal, query?: URLSearchParams): Promise<void> {
    const auth = this.#auth;
    if (auth === undefined) return;
    if ('ticket' in auth) {
      query?.set('ticket', await unlessAborted(auth.ticket(), signal));
      return;
    }
    const { token } = auth;
    this.#token = typeof token === 'string' ? token : await unlessAborted(token(this.#refused), signal);
    headers.set('authorization', `Bearer ${this.#token}`);
  }
}

/** Settles as the promise does, or rejects once the signal is aborted: a source may never settle. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', abort);
    Promise.resolve(promise).then(resolve, reject).finally(settled);
  });
}

/** What a request for a ticket needs. */
export interface TicketOptions {
  /** Where the service is, without the path. */
  url: string;
  /** The filter of the connection that the ticket is for. */
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
    if (!ticket) throw foreignAnswer('the answer contains no ticket');
    return ticket;
  };
}
