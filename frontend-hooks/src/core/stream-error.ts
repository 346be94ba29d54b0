import type { Problem } from '../api-types';
import { hasMediaType } from './media-type';

/** A failure of a request or a connection. */
export class StreamError extends Error {
  override readonly name = 'StreamError';

  constructor(
    message: string,
    /** The status of the answer, none where none came. */
    readonly status?: number | undefined,
    /** What the service said is wrong (RFC 9457). */
    readonly problem?: Problem | undefined,
    /** How long whoever answered wants to be left alone. */
    readonly retryAfterMs?: number | undefined,
    /** Whether the service itself said so, and not a proxy on the way to it, which knows nothing of what was asked. */
    readonly isFinal: boolean = true,
  ) {
    super(message);
  }
}

/** Returns the failure of an answer that succeeds, but is not what the service answers. */
export function foreignAnswer(message: string, retryAfterMs?: number): StreamError {
  return new StreamError(message, 200, undefined, retryAfterMs, false);
}

/** Returns the failure that an answer stands for. */
export async function errorOf(response: Response): Promise<StreamError> {
  const problem = await problemOf(response);
  const message = problem?.detail ?? `the service answered ${response.status}`;
  return new StreamError(message, response.status, problem, retryAfterMs(response), problem !== undefined);
}

/**
 * Whether a failure says that the token is no longer good: any 401, as a gateway may be the one that checks tokens, and
 * a 403 of the service's own.
 */
export function isTokenRefusal(failure: unknown): boolean {
  if (!(failure instanceof StreamError)) return false;
  return failure.status === 401 || (failure.status === 403 && failure.isFinal);
}

/** Returns whatever was thrown as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new StreamError(String(thrown));
}

/** The types of the service's problems. Those of a gateway are other addresses, or left out. */
const OWN_TYPE = /^\/problems\/[a-z-]+$/;

/** Returns the problem in an answer, none unless it is one of the service's own. */
async function problemOf(response: Response): Promise<Problem | undefined> {
  if (!hasMediaType(response, 'application/problem+json')) return undefined;
  try {
    const problem = (await response.json()) as Problem;
    return OWN_TYPE.test(problem.type) ? problem : undefined;
  } catch {
    return undefined;
  }
}

/** Reads `Retry-After` (RFC 9110): seconds or a date. */
function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get('retry-after') ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
