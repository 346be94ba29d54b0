import type { Reset, Revised, StreamEvent } from '../api-types';
import { LEAST_MS, LONGEST_TOLD_MS } from './back-off';
import type { Block } from './block-parser';
import type { Verdict } from './opening';
import { asError, foreignAnswer, StreamError } from './stream-error';

/** What a subscriber is told. Its `id` is what it resumes from afterwards; that of the event itself has no revision. */
export type Frame =
  | { kind: 'event'; id: string; event: StreamEvent }
  /** What was missed cannot be replayed: fetch anew by REST. */
  | { kind: 'reset'; reset: Reset }
  /** Late rows: what was fetched by REST may have changed. */
  | { kind: 'revised'; id: string | undefined; revised: Revised };

/** What a block means: something to tell, the head of a connection, its farewell, or nothing. */
export type Reading = Frame | { kind: 'connected' } | { kind: 'resume' | 'expired' } | { kind: 'nothing' };

/**
 * Says what a block means.
 *
 * @throws StreamError if its data is not JSON.
 */
export function readBlock({ id, event, data }: Block): Reading {
  if (data === undefined) return { kind: 'nothing' };
  switch (event) {
    case 'connected':
    case 'resume':
    case 'expired':
      return { kind: event };
    case 'reset':
      return { kind: 'reset', reset: parsed<Reset>(data) };
    case 'revised':
      return { kind: 'revised', id, revised: parsed<Revised>(data) };
    default:
      // Every event of the feed has an id; what has none is a notice of a later version.
      return id ? { kind: 'event', id, event: parsed<StreamEvent>(data) } : { kind: 'nothing' };
  }
}

function parsed<T>(data: string): T {
  try {
    return JSON.parse(data) as T;
  } catch {
    throw new StreamError('the service sent something that is not JSON');
  }
}

/** How the reading of a connection ended. */
export interface End {
  /** Whether the service said `connected`; without that, what was read is not known to be its own. */
  isLetIn: boolean;
  /** The last words of the service, if it had any. */
  farewell: 'resume' | 'expired' | undefined;
  /** What broke it, if it did not end by itself. */
  thrown?: unknown;
  openForMs: number;
  retryMs: number | undefined;
}

const SHORT_MS = 1_000;

/** Says what the end of a connection means. One that was short is not come back to at once, whatever it said. */
export function verdictOnEnd({ isLetIn, farewell, thrown, openForMs, retryMs }: End): Verdict {
  if (farewell !== undefined && openForMs >= SHORT_MS) return { do: 'wait', ms: 0 };
  if (farewell === undefined && thrown !== undefined) return { do: 'backOff', error: asError(thrown) };
  if (!isLetIn) return { do: 'backOff', error: foreignAnswer('the event stream ended before it began', retryMs) };
  if (retryMs === undefined) return { do: 'backOff' };
  return { do: 'wait', ms: Math.max(LEAST_MS, Math.min(LONGEST_TOLD_MS, retryMs)) };
}

