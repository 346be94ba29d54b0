'use client';

import { useMemo, useSyncExternalStore } from 'react';
import type { StreamRecord } from '../api-types';
import type { EventFilter } from '../core/filter';
import { receivedAtMs } from '../core/ledger-clock';
import { createLiveQuery, type LiveQuery, type LiveQueryState } from '../core/live-query';
import { createReader } from '../core/rest';
import { foreignAnswer } from '../core/stream-error';
import { type StreamEventsOptions, useSubscription } from './provider';

/** What is asked for by REST, and which events bear on it. */
export interface Question<T> {
  /** None: nothing is asked for. */
  path: string | undefined;
  filter: EventFilter;
  /** The records in an answer, which are as old as the answer. */
  recordsIn: (data: T) => StreamRecord[];
}

/** How a live query is used. */
export interface LiveQueryOptions extends StreamEventsOptions {
  /** How often it is asked for though nothing happened, while the page is seen: 30 s by default, at least 1 s. */
  refreshMs?: number | undefined;
}

const idle: LiveQueryState<never> = { data: undefined, loading: false, error: undefined };
const asked: LiveQueryState<never> = { ...idle, loading: true };
const nothing: LiveQuery<never> = {
  getSnapshot: () => idle,
  subscribe: () => () => undefined,
  refetch: () => undefined,
};

/** Asks by REST, and again whenever an event bears on the answer. */
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
