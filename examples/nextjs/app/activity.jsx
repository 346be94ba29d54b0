'use client';

import { StreamEventsProvider, useStreamEvents } from '@flowfi/stream-events/react';

/** What happens, newest first. On the server it renders an empty list, which comes alive in the browser. */
export function Activity({ url }) {
  return (
    <StreamEventsProvider url={url}>
      <Events />
    </StreamEventsProvider>
  );
}

function Events() {
  const { events, connected, reconnecting } = useStreamEvents({ subscribeToAll: true });
  return (
    <main aria-busy={reconnecting}>
      <h1>Payment streams</h1>
      <p role="status">{connected ? 'live' : 'connecting …'}</p>
      <ul>
        {events.map(({ type, data, timestamp }) => (
          <li key={data.id} data-id={data.id}>
            {new Date(timestamp).toLocaleTimeString()} {type} of stream {data.streamId} {data.amount}
          </li>
        ))}
      </ul>
    </main>
  );
}
