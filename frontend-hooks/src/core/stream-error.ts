import type { Problem } from '../api-types';
import { hasMediaType } from './media-type';

/** A failure of a request or a connection. */
export class StreamError extends Error {
  override readonly name = 'StreamError';

  constructor(
    message: string,
    /** The status of the answer; undefined without an answer. */
    readonly status?: number | undefined,
    /** The problem that the service reported (RFC 9457). */
    readonly problem?: Problem | undefined,
    /** How long to wait before the next request, as the answer says. */
    readonly retryAfterMs?: number | undefined,
    /** Whether the service itself answered, and not a proxy in between, which knows nothing about the request. */
    readonly isFinal: boolean = true,
  ) {
    super(message);
  }
}

/** Returns the error for a successful answer that is not the service's. */
export function foreignAnswer(message: string, retryAfterMs?: number): StreamError {
  return new StreamError(message, 200, undefined, retryAfterMs, false);
}

/** Returns the error that an answer stands for. */
export async function errorOf(response: Response): Promise<StreamError> {
  const problem = await problemOf(response);
  const message = problem?.detail ?? `the service answered ${response.status}`;
  return new StreamError(message, response.status, problem, retryAfterMs(response), problem !== undefined);
}

/**
 * Whether a failure says that the token is no longer valid: any 401, because a gateway may check the tokens, and a 403
 * from the service itself.
 */
export function isTokenRefusal(failure: unknown): boolean {
  if (!(failure instanceof StreamError)) return false;
  return failure.status === 401 || (failure.status === 403 && failure.isFinal);
}

/** Returns whatever was thrown as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new StreamError(String(thrown));
}

/** The service's own problem types. A gateway uses other URIs, or none. */
const OWN_TYPE = /^\/problems\/[a-z-]+$/;

/** Returns the problem in an answer; undefined unless it is one of the service's own. */
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
