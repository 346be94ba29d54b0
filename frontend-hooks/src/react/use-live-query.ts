'use client';

import { useMemo, useSyncExternalStore } from 'react';
import type { StreamRecord } from '../api-types';
import type { EventFilter } from '../core/filter';
import { receivedAtMs } from '../core/ledger-clock';
import { createLiveQuery, type LiveQuery, type LiveQueryState } from '../core/live-query';
import { createReader } from '../core/rest';
import { foreignAnswer } from '../core/stream-error';
import { type StreamEventsOptions, useSubscription } from './provider';

/** A request over REST, and the events that affect its answer. */
export interface Question<T> {
  /** Undefined: nothing is requested. */
  path: string | undefined;
  filter: EventFilter;
  /** The records in an answer, which are as old as the answer. */
  recordsIn: (data: T) => StreamRecord[];
}

/** Options of a live query. */
export interface LiveQueryOptions extends StreamEventsOptions {
  /** How often to fetch without any event, while the page is visible: every 30 s by default, at least 1 s apart. */
  refreshMs?: number | undefined;
}

const idle: LiveQueryState<never> = { data: undefined, loading: false, error: undefined };
const asked: LiveQueryState<never> = { ...idle, loading: true };
const nothing: LiveQuery<never> = {
  getSnapshot: () => idle,
  subscribe: () => () => undefined,
  refetch: () => undefined,
};

/** Fetches over REST, and again whenever an event affects the answer. */
export function useLiveQuery<T>(
  { path, filter, recordsIn }: Question<T>,
  { refreshMs, ...own }: LiveQueryOptions,
): LiveQueryState<T> & { refetch: () => void } {
  const { key, options, open } = useSubscription(filter, own);
  const query = useMemo((): LiveQuery<T> => {
    if (path === undefined) return nothing;
    const readJson = createReader(options);
    const read = async (signal: AbortSignal): Promise<T> => {
      const data = await readJson<T>(path, signal);
      for (const record of recordsIn(data)) {
        if (!record.id) throw foreignAnswer('the answer is not a stream');
        receivedAtMs(record);
      }
      return data;
    };
    return createLiveQuery({ ...options, read, open, refreshMs });
  }, [key, path, refreshMs]);
  const onServer = path === undefined ? idle : asked;
  const state = useSyncExternalStore<LiveQueryState<T>>(query.subscribe, query.getSnapshot, () => onServer);
  return { ...state, refetch: query.refetch };
}
