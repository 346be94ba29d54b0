'use client';

import type { StreamDetail } from '../api-types';
import { type LiveQueryOptions, useLiveQuery } from './use-live-query';

/** A stream and its latest events, kept up to date. */
export interface LiveStream {
  stream: StreamDetail | undefined;
  loading: boolean;
  error: Error | undefined;
  refetch: () => void;
}

/** Reads a stream and keeps it up to date. Without an id it does nothing. */
export function useStream(id: string | undefined, options: LiveQueryOptions = {}): LiveStream {
  const question = {
    path: id === undefined ? undefined : `/v1/streams/${encodeURIComponent(id)}`,
    filter: id === undefined ? {} : { streams: [id] },
    recordsIn: (stream: StreamDetail) => [stream],
  };
  const { data, ...rest } = useLiveQuery(question, options);
  return { stream: data, ...rest };
}
