import type { Changed, Reset, Revised, StreamEvent } from '../api-types';
import { LEAST_MS, LONGEST_TOLD_MS } from './back-off';
import type { Block } from './block-parser';
import type { Verdict } from './opening';
import { asError, foreignAnswer, StreamError } from './stream-error';

/** What a subscriber receives. It can resume from `id` later; the id of the event itself has no revision. */
export type Frame =
  | { kind: 'event'; id: string; event: StreamEvent }
  /** The missed events cannot be replayed: fetch everything again over REST. */
  | { kind: 'reset'; reset: Reset }
  /** Late events: data fetched over REST may have changed. */
  | { kind: 'revised'; id: string | undefined; revised: Revised }
  /** Streams whose records changed without an event: fetch them again. */
  | { kind: 'changed'; id: string | undefined; changed: Changed };

/** The meaning of a block: something to hand on, the start of a connection, its farewell, or nothing. */
export type Reading = Frame | { kind: 'connected' } | { kind: 'resume' | 'expired' } | { kind: 'nothing' };

/**
 * Interprets a block.
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
    case 'changed':
      return { kind: 'changed', id, changed: parsed<Changed>(data) };
    default:
      // Every event of the feed has an id. A block without an id is a notice of a later version.
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

/** How reading a connection ended. */
export interface End {
  /** Whether the service sent `connected`. Without that, the data may not come from the service. */
  isLetIn: boolean;
  /** The last notice of the service, if there was one. */
  farewell: 'resume' | 'expired' | undefined;
  /** What broke the connection, if it did not end by itself. */
  thrown?: unknown;
  openForMs: number;
  retryMs: number | undefined;
}

const SHORT_MS = 1_000;

/** Interprets the end of a connection. After a short one, never retry at once, whatever the service sent. */
export function verdictOnEnd({ isLetIn, farewell, thrown, openForMs, retryMs }: End): Verdict {
  if (farewell !== undefined && openForMs >= SHORT_MS) return { do: 'wait', ms: 0 };
  if (farewell === undefined && thrown !== undefined) return { do: 'backOff', error: asError(thrown) };
  if (!isLetIn) return { do: 'backOff', error: foreignAnswer('the event stream ended before it began', retryMs) };
  if (retryMs === undefined) return { do: 'backOff' };
  return { do: 'wait', ms: Math.max(LEAST_MS, Math.min(LONGEST_TOLD_MS, retryMs)) };
}

