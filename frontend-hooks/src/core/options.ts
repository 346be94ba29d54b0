import type { BackOff } from './back-off';
import type { Auth } from './credentials';
import { durationMs } from './duration';
import { endpoint } from './endpoint';
import { type EventFilter, filterQuery } from './filter';
import type { LastIdStorage } from './last-id';

/** Where the service is and how to talk to it. */
export interface ServiceOptions {
  /** Where the service is, without the path: `https://streams.example`. Empty for the page's own origin. */
  url: string;
  auth?: Auth | undefined;
  fetch?: typeof globalThis.fetch | undefined;
}

/** How to connect. */
export interface ConnectOptions extends ServiceOptions {
  filter: EventFilter;
  /** Keeps the last id across reloads of the page. */
  storage?: LastIdStorage | undefined;
  /** Begin after this: the `lastEventId` of an earlier connection, or the id of an event. */
  lastEventId?: string | undefined;
  /** The service's interval of heartbeats, 15 s by default: a connection silent for two and a half is taken for dead. */
  heartbeatMs?: number | undefined;
  /** Let go of the connection while the page is hidden; what was missed comes when it is shown again. */
  pauseWhenHidden?: boolean | undefined;
  /** How it comes back after it failed. */
  backOff?: BackOff | undefined;
  /** Is told in words what the connection does; `true` writes it to the console. */
  debug?: boolean | ((message: string) => void) | undefined;
  /** Returns a number from 0 to 1, for the jitter. */
  random?: (() => number) | undefined;
}

/** Returns how often the service sends a heartbeat; its own default is that of `heartbeatMs`. */
export function heartbeatOf({ heartbeatMs }: ConnectOptions): number {
  return durationMs(heartbeatMs, 15_000, 1_000);
}

/** Returns the name of what the options connect to, the same in every tab. Holds no token. */
export function connectionKey({ url, filter, auth }: ConnectOptions): string {
  return `flowfi-events:${endpoint(url, '')}?${filterQuery(filter)}#${auth?.subject ?? ''}`;
}
