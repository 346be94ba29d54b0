'use client';

import type { StreamList, StreamRecord } from '../api-types';
import { type LiveQueryOptions, useLiveQuery } from './use-live-query';

/** How to read the streams of a user. */
export interface UseUserStreamsOptions extends LiveQueryOptions {
  /** At most how many, newest first: 1 to 200, 200 by default. */
  limit?: number | undefined;
}

/** The streams that a user sends or receives, kept up to date. */
export interface UserStreams {
  streams: readonly StreamRecord[];
  /** The total number, whatever the limit; the service stops counting at 10 000. */
  total: number;
  hasMore: boolean;
  loading: boolean;
  error: Error | undefined;
  refetch: () => void;
}

const LARGEST_LIMIT = 200;
const none: readonly StreamRecord[] = [];

/** Reads the streams of an address and keeps them up to date. Without an address it does nothing. */
export function useUserStreams(address: string | undefined, options: UseUserStreamsOptions = {}): UserStreams {
  const { limit = LARGEST_LIMIT, ...others } = options;
  const query = new URLSearchParams({ user: address ?? '', limit: `${limit}` });
  const question = {
    path: address === undefined ? undefined : `/v1/streams?${query}`,
    filter: address === undefined ? {} : { users: [address] },
    recordsIn: ({ data }: StreamList) => data,
  };
  const { data, ...rest } = useLiveQuery(question, others);
  return { streams: data?.data ?? none, total: data?.total ?? 0, hasMore: data?.hasMore ?? false, ...rest };
}
