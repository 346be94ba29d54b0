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

/**
 * Returns an amount in smallest units, with its token. The service does not say how many decimals a token has, and a guess
 * would be wrong by powers of ten. Amounts do not fit into a number.
 */
function amountText(amount, tokenAddress) {
  const token = tokenAddress ? `${tokenAddress.slice(0, 4)}…${tokenAddress.slice(-4)}` : 'an unknown token';
  return `${BigInt(amount).toLocaleString('en')} units of ${token}`;
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
            {new Date(timestamp).toLocaleTimeString(undefined, { timeZoneName: 'short' })} {type}
            {data.streamId && ` of stream ${data.streamId}`}
            {data.amount && ` with ${amountText(data.amount, data.tokenAddress)}`}
          </li>
        ))}
      </ul>
    </main>
  );
}
