import type { ConnectionState } from './connection-state';
import type { Frame } from './reading';
import { StreamError } from './stream-error';

/** What the tabs of a browser tell each other. */
export type TabMessage =
  /** A tab is here, and has everything up to `lastEventId`. */
  | { kind: 'hello'; from: string; lastEventId: string | undefined }
  /** The leader tells one tab or all. `previous` is the position before the frames: who is not there asks. */
  | { kind: 'tell'; from: string; to?: string; previous: string | undefined; frames: Frame[]; state: SentState };

/** A state as it travels: a copy of an error keeps nothing but its message. */
export interface SentState extends Omit<ConnectionState, 'error'> {
  error: Pick<StreamError, 'message' | 'status' | 'problem'> | undefined;
}

export function sentState({ error, ...state }: ConnectionState): SentState {
  if (error === undefined) return { ...state, error };
  const { status, problem } = error instanceof StreamError ? error : {};
  return { ...state, error: { message: error.message, status, problem } };
}

export function receivedState({ error, ...state }: SentState): ConnectionState {
  return { ...state, error: error && new StreamError(error.message, error.status, error.problem) };
}
