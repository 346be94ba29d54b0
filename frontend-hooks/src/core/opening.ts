import { hasMediaType } from './media-type';
import { asError, errorOf, StreamError } from './stream-error';

/** What to do next. */
export type Verdict =
  | { do: 'read' }
  /** Never come back. */
  | { do: 'stop'; error?: Error }
  /** Come back at once, with another token or ticket. */
  | { do: 'renew'; error: Error }
  /** Come back at once. */
  | { do: 'return' }
  /** Come back when told. */
  | { do: 'wait'; ms: number; error?: Error }
  /** Come back after a time that grows. */
  | { do: 'backOff'; error?: Error };

const WITHOUT_A_WORD_MS = 5_000;

/** Says what an answer to a subscription means, by its head. `canRenew`: there is another token or ticket to try. */
export async function verdictOnOpening(response: Response, canRenew: boolean): Promise<Verdict> {
  if (response.status === 204) return { do: 'stop' };
  if (response.status !== 200) return verdictOnFailure(await errorOf(response), canRenew);
  if (hasMediaType(response, 'text/event-stream')) return { do: 'read' };
  const type = response.headers.get('content-type') ?? 'nothing';
  // A page of a proxy, or of a network that wants a sign-in first.
  return { do: 'backOff', error: new StreamError(`not an event stream, but ${type}: is the address right?`, 200) };
}

/** Request Timeout and Too Early: the same request may be made again. */
const TRANSIENT = [408, 425];

/** Says what a failure means that came before there was anything to read: a refusal, or no answer at all. */
export function verdictOnFailure(thrown: unknown, canRenew: boolean): Verdict {
  const error = asError(thrown);
  const { status = 0, retryAfterMs = WITHOUT_A_WORD_MS, isFinal } = error instanceof StreamError ? error : {};
  if (status === 429 || status === 503) return { do: 'wait', ms: retryAfterMs, error };
  if (!isFinal || TRANSIENT.includes(status)) return { do: 'backOff', error };
  if (status === 401 || status === 403) return { do: canRenew ? 'renew' : 'stop', error };
  return { do: status >= 400 && status < 500 ? 'stop' : 'backOff', error };
}
