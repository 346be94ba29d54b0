import { expectTypeOf, it } from 'vitest';
import {
  type Auth,
  connect,
  type Connection,
  type ConnectionState,
  type EventType,
  type Frame,
  type Freshness,
  type StreamEvent,
  type StreamRecord,
} from '../src/index';
import { useClaimable, useConnectionState, useFreshness, useStream, useStreamEvents, useUserStreams } from '../src/react';

it('useStreamEvents gives the shape that a dashboard reads', () => {
  const result = useStreamEvents({ streamIds: ['7'], types: ['stream.created'] });
  expectTypeOf(result.events[0]).toEqualTypeOf<
    { type: EventType; data: StreamEvent; timestamp: number } | undefined
  >();
  expectTypeOf(result.connected).toEqualTypeOf<boolean>();
  expectTypeOf(result.reconnecting).toEqualTypeOf<boolean>();
  expectTypeOf(result.error).toEqualTypeOf<Error | null>();
  expectTypeOf(result.lastEventId).toEqualTypeOf<string | null>();
  expectTypeOf(result.clearEvents).toEqualTypeOf<() => void>();
});

it('an event type that does not exist is refused', () => {
  // @ts-expect-error a stream is never deleted
  useStreamEvents({ types: ['stream.deleted'] });
  // @ts-expect-error ids are texts: a number of 64 bits has no room in a number
  useStreamEvents({ streamIds: [7] });
});

it('an event has its own fields, which its type tells', () => {
  expectTypeOf<StreamEvent['type']>().toEqualTypeOf<EventType>();
  expectTypeOf<StreamEvent['amount']>().toEqualTypeOf<string | null>();
  type Cancelled = Extract<StreamEvent, { type: 'stream.cancelled' }>;
  expectTypeOf<Cancelled['amountWithdrawn']>().toEqualTypeOf<string>();
  // @ts-expect-error only some events have it
  expectTypeOf<StreamEvent['amountWithdrawn']>().toBeString();
});

it('amounts are bigint, and texts in records', () => {
  expectTypeOf(useClaimable).toEqualTypeOf<(stream: StreamRecord | undefined) => bigint | null>();
  expectTypeOf<StreamRecord['ratePerSecond']>().toEqualTypeOf<string>();
});

it('records may not be there yet', () => {
  expectTypeOf(useStream('7').stream).toExtend<StreamRecord | undefined>();
  expectTypeOf(useUserStreams('G').streams).toEqualTypeOf<readonly StreamRecord[]>();
  expectTypeOf(useConnectionState()).toEqualTypeOf<ConnectionState>();
});

it('freshness may not be known yet', () => {
  expectTypeOf(useFreshness()).toEqualTypeOf<Freshness>();
  expectTypeOf(useFreshness({ contractId: 'C' }).secondsAgo).toEqualTypeOf<number | undefined>();
  expectTypeOf<Freshness['isReady']>().toEqualTypeOf<boolean | undefined>();
});

it('connect takes a token, a source of tokens or a source of tickets', () => {
  expectTypeOf(connect).returns.toEqualTypeOf<Connection>();
  expectTypeOf<{ token: string }>().toExtend<Auth>();
  expectTypeOf<{ token: () => Promise<string> }>().toExtend<Auth>();
  expectTypeOf<{ ticket: () => Promise<string>; subject: string }>().toExtend<Auth>();
  expectTypeOf<{ ticket: string }>().not.toExtend<Auth>();
});

it('a frame is told by its kind', () => {
  expectTypeOf<Frame['kind']>().toEqualTypeOf<'event' | 'reset' | 'revised' | 'changed'>();
  expectTypeOf<Extract<Frame, { kind: 'event' }>['event']>().toEqualTypeOf<StreamEvent>();
});
