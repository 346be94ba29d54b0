import { hasMediaType } from './media-type';
import { asError, errorOf, foreignAnswer, isTokenRefusal, StreamError } from './stream-error';

/** What to do next. */
export type Verdict =
  | { do: 'read' }
  /** Never retry. */
  | { do: 'stop'; error?: Error }
  /** Retry at once, with another token or ticket. */
  | { do: 'renew'; error: Error }
  /** Retry after the time that the service gave; 0 means at once. */
  | { do: 'wait'; ms: number }
  /** Retry after a time that grows. */
  | { do: 'backOff'; error?: Error };

/**
 * Interprets the status and headers of an answer to a subscription. `canRenew`: another token or ticket is available.
 */
export async function verdictOnOpening(response: Response, canRenew: boolean): Promise<Verdict> {
  if (response.status === 204) return { do: 'stop' };
  if (response.status !== 200) return verdictOnFailure(await errorOf(response), canRenew);
  if (hasMediaType(response, 'text/event-stream')) return { do: 'read' };
  const type = response.headers.get('content-type') ?? 'nothing';
  // A page of a proxy, or of a network that requires a sign-in first.
  return { do: 'backOff', error: foreignAnswer(`not an event stream, but ${type}: is the URL right?`) };
}

/** Request Timeout, Too Early and Too Many Requests: the same request may be sent again. */
const TRANSIENT = [408, 425, 429];

/** Interprets a failure that came before there was anything to read: a refusal, or no answer at all. */
export function verdictOnFailure(thrown: unknown, canRenew: boolean): Verdict {
  const error = asError(thrown);
  if (canRenew && isTokenRefusal(error)) return { do: 'renew', error };
  const { status = 0, isFinal } = error instanceof StreamError ? error : {};
  const isPassing = !isFinal || status < 400 || status >= 500 || TRANSIENT.includes(status);
  return { do: isPassing ? 'backOff' : 'stop', error };
}
