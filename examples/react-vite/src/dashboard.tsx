import { useConnectionState, useStreamEvents } from '@flowfi/stream-events/react';
import { useState } from 'react';
import { Activity } from './activity';
import { Streams } from './streams';

export function Dashboard() {
  const { events } = useStreamEvents({ subscribeToAll: true });
  const { status } = useConnectionState();
  const [chosen, choose] = useState<string>();
  // Until somebody is chosen, whoever pays in the oldest event of the list, as it changes least.
  const address = chosen ?? events.at(-1)?.data.sender ?? undefined;
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
