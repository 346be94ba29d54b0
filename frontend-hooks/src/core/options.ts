import type { BackOff } from './back-off';
import type { Auth } from './credentials';
import { durationMs } from './duration';
import { endpoint } from './endpoint';
import { type EventFilter, filterQuery } from './filter';
import type { LastIdStorage } from './last-id';

/** The location of the service, and how to talk to it. */
export interface ServiceOptions {
  /** The URL of the service without the path: `https://streams.example`. Empty for the page's own origin. */
  url: string;
  auth?: Auth | undefined;
  fetch?: typeof globalThis.fetch | undefined;
}

/** How to connect. */
export interface ConnectOptions extends ServiceOptions {
  filter: EventFilter;
  /** Keeps the last id across reloads of the page. */
  storage?: LastIdStorage | undefined;
  /** Start after this: the `lastEventId` of an earlier connection, or the id of an event. */
  lastEventId?: string | undefined;
  /**
   * The service's heartbeat interval, 15 s by default. A connection that is silent for two and a half counts as dead.
   */
  heartbeatMs?: number | undefined;
  /** Disconnect while the page is hidden. Missed events arrive when it is shown again. */
  pauseWhenHidden?: boolean | undefined;
  /** How it retries after a failure. */
  backOff?: BackOff | undefined;
  /** Called with a description of what the connection does; `true` writes it to the console. */
  debug?: boolean | ((message: string) => void) | undefined;
  /** Returns a number from 0 to 1, for the jitter. */
  random?: (() => number) | undefined;
}

/** Returns the service's heartbeat interval. */
export function heartbeatOf({ heartbeatMs }: ConnectOptions): number {
  return durationMs(heartbeatMs, 15_000, 1_000);
}

/** Returns the name of the connection that the options describe, the same in every tab. It contains no token. */
export function connectionKey({ url, filter, auth }: ConnectOptions): string {
  return `flowfi-events:${endpoint(url, '')}?${filterQuery(filter)}#${auth?.subject ?? ''}`;
}
