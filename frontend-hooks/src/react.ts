'use client';

export { StreamEventsProvider, type StreamEventsOptions, type StreamEventsProviderProps } from './react/provider';
export { useClaimable } from './react/use-claimable';
export { useConnectionState } from './react/use-connection-state';
export { useFreshness, type UseFreshnessOptions } from './react/use-freshness';
export type { LiveQueryOptions } from './react/use-live-query';
export { type LiveStream, useStream } from './react/use-stream';
export { type StreamEvents, useStreamEvents, type UseStreamEventsOptions } from './react/use-stream-events';
export { type UserStreams, useUserStreams, type UseUserStreamsOptions } from './react/use-user-streams';
