import { useConnectionState, useStreamEvents } from '@flowfi/stream-events/react';
import { useState } from 'react';
import { Activity } from './activity';
import { Streams } from './streams';

export function Dashboard() {
  const { events } = useStreamEvents({ subscribeToAll: true });
  const { status } = useConnectionState();
  const [address, choose] = useState<string>();
  // Until somebody is chosen: whoever pays in the first event that comes.
  const firstSender = events.at(-1)?.data.sender;
  if (address === undefined && firstSender) choose(firstSender);
  return (
    <>
      <header>
        <h1>Payment streams</h1>
        <p role="status" className={`state ${status}`}>
          {status === 'open' ? 'live' : status}
        </p>
      </header>
      <main>
        <Streams address={address} onChoose={choose} />
        <Activity events={events} onChoose={choose} />
      </main>
    </>
  );
}
