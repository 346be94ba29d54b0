import type { ConnectionState } from './connection-state';
import type { Frame } from './reading';
import { StreamError } from './stream-error';

/** The messages between the tabs of a browser. */
export type TabMessage =
  /** A tab is here, and has everything up to `lastEventId`. */
  | { kind: 'hello'; from: string; lastEventId: string | undefined }
  /**
   * The leader sends frames to one tab or all. `previous` is the position before them: a tab behind it sends `hello`.
   */
  | { kind: 'tell'; from: string; to?: string; previous: string | undefined; frames: Frame[]; state: SentState };

type SentError = Pick<StreamError, 'message' | 'status' | 'problem' | 'retryAfterMs' | 'isFinal'>;

/** A state in transit: a structured copy of an error would keep only its message. */
export interface SentState extends Omit<ConnectionState, 'error'> {
  error: SentError | undefined;
}

export function sentState({ error, ...state }: ConnectionState): SentState {
  if (error === undefined) return { ...state, error };
  const { status, problem, retryAfterMs, isFinal = false } = error instanceof StreamError ? error : {};
  return { ...state, error: { message: error.message, status, problem, retryAfterMs, isFinal } };
}

export function receivedState({ error, ...state }: SentState): ConnectionState {
  if (error === undefined) return { ...state, error };
  const { message, status, problem, retryAfterMs, isFinal } = error;
  return { ...state, error: new StreamError(message, status, problem, retryAfterMs, isFinal) };
}
