import { hasMediaType } from './media-type';
import { asError, errorOf, foreignAnswer, isTokenRefusal, StreamError } from './stream-error';

/** What to do next. */
export type Verdict =
  | { do: 'read' }
  /** Never come back. */
  | { do: 'stop'; error?: Error }
  /** Come back at once, with another token or ticket. */
  | { do: 'renew'; error: Error }
  /** Come back when told; 0: at once. */
  | { do: 'wait'; ms: number }
  /** Come back after a time that grows. */
  | { do: 'backOff'; error?: Error };

/** Says what an answer to a subscription means, by its head. `canRenew`: there is another token or ticket to try. */
export async function verdictOnOpening(response: Response, canRenew: boolean): Promise<Verdict> {
  if (response.status === 204) return { do: 'stop' };
  if (response.status !== 200) return verdictOnFailure(await errorOf(response), canRenew);
  if (hasMediaType(response, 'text/event-stream')) return { do: 'read' };
  const type = response.headers.get('content-type') ?? 'nothing';
  // A page of a proxy, or of a network that wants a sign-in first.
  return { do: 'backOff', error: foreignAnswer(`not an event stream, but ${type}: is the address right?`) };
}

/** Request Timeout, Too Early and Too Many Requests: the same request may be made again. */
const TRANSIENT = [408, 425, 429];

/** Says what a failure means that came before there was anything to read: a refusal, or no answer at all. */
export function verdictOnFailure(thrown: unknown, canRenew: boolean): Verdict {
  const error = asError(thrown);
  if (canRenew && isTokenRefusal(error)) return { do: 'renew', error };
  const { status = 0, isFinal } = error instanceof StreamError ? error : {};
  const isPassing = !isFinal || status < 400 || status >= 500 || TRANSIENT.includes(status);
  return { do: isPassing ? 'backOff' : 'stop', error };
}
