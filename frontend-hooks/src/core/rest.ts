import { Credentials } from './credentials';
import { endpoint } from './endpoint';
import type { ServiceOptions } from './options';
import { errorOf, isTokenRefusal } from './stream-error';

/** Fetches JSON from a path of the service. */
export type ReadJson = <T>(path: string, signal: AbortSignal) => Promise<T>;

/** The service itself gives up after 20 s. */
const ANSWERED_WITHIN_MS = 30_000;

/** Returns a reader of the service's REST routes. It renews its token once if that is refused. */
export function createReader({ url, auth, fetch = globalThis.fetch }: ServiceOptions): ReadJson {
  // A ticket is good for the event stream only.
  const credentials = new Credentials(auth && 'token' in auth ? auth : undefined);
  const ask = async (path: string, signal: AbortSignal): Promise<Response> => {
    const headers = new Headers({ accept: 'application/json' });
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(ANSWERED_WITHIN_MS)]);
    await credentials.addTo(headers, bounded);
    return fetch(endpoint(url, path), { headers, signal: bounded });
  };
  return async <T>(path: string, signal: AbortSignal): Promise<T> => {
    for (let canRenew = credentials.canRenew; ; canRenew = false) {
      const response = await ask(path, signal);
      if (response.ok) return (await response.json()) as T;
      const error = await errorOf(response);
      const isRefused = isTokenRefusal(error);
      if (isRefused) credentials.refuse();
      if (!isRefused || !canRenew) throw error;
    }
  };
}
