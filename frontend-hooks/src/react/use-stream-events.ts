'use client';

import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { Changed, EventType, Reset, Revised, StreamEvent } from '../api-types';
import { createEventLog, type LoggedEvent, silent } from '../core/event-log';
import { isEmptyFilter } from '../core/filter';
import type { Frame } from '../core/reading';
import { type StreamEventsOptions, useSubscription } from './provider';

/** Which events are wanted, and who is told about them. */
export interface UseStreamEventsOptions extends StreamEventsOptions {
  streamIds?: readonly string[] | undefined;
  userPublicKeys?: readonly string[] | undefined;
  types?: readonly EventType[] | undefined;
  subscribeToAll?: boolean | undefined;
  /** How many events to keep, 100 by default. */
  limit?: number | undefined;
  /** Called with each event, also with those that a burst pushes out of the list. */
  onEvent?: ((event: StreamEvent) => void) | undefined;
  /** The missed events cannot be replayed: fetch everything again over REST. */
  onReset?: ((reset: Reset) => void) | undefined;
  /** Late events were added: data fetched over REST may have changed. */
  onRevised?: ((revised: Revised) => void) | undefined;
  /** Records of streams changed without an event: fetch them again over REST. */
  onChanged?: ((changed: Changed) => void) | undefined;
}

/** The last events of a subscription, and the state of its connection. */
export interface StreamEvents {
  /** Newest first. */
  events: readonly LoggedEvent[];
  connected: boolean;
  reconnecting: boolean;
  error: Error | null;
  lastEventId: string | null;
  clearEvents: () => void;
}

const DEFAULT_LIMIT = 100;

/**
 * Subscribes to events while the component is mounted. Without a stream, a user or `subscribeToAll` it does nothing.
 */
export function useStreamEvents(options: UseStreamEventsOptions = {}): StreamEvents {
  const { streamIds, userPublicKeys, types, subscribeToAll, limit = DEFAULT_LIMIT, ...others } = options;
  const { onEvent, onReset, onRevised, onChanged, ...own } = others;
  const filter = { streams: streamIds, users: userPublicKeys, types, all: subscribeToAll };
  const isEmpty = isEmptyFilter(filter);
  const { key, open } = useSubscription(filter, own);
  const told = useRef({ onEvent, onReset, onRevised, onChanged });
  useEffect(() => {
    told.current = { onEvent, onReset, onRevised, onChanged };
  });
  const log = useMemo(() => {
    const onFrame = (frame: Frame): void => {
      if (frame.kind === 'event') told.current.onEvent?.(frame.event);
      else if (frame.kind === 'reset') told.current.onReset?.(frame.reset);
      else if (frame.kind === 'revised') told.current.onRevised?.(frame.revised);
      else told.current.onChanged?.(frame.changed);
    };
    return createEventLog({ open: isEmpty ? undefined : open, limit, onFrame });
  }, [key, isEmpty, limit]);
  const { events, status, error, lastEventId } = useSyncExternalStore(log.subscribe, log.getSnapshot, () => silent);
  return {
    events,
    connected: status === 'open',
    reconnecting: status === 'reconnecting',
    error: error ?? null,
    lastEventId: lastEventId ?? null,
    clearEvents: log.clear,
  };
}
