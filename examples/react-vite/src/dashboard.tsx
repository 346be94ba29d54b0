import { useConnectionState } from '@flowfi/stream-events/react';
import { useState } from 'react';
import { Activity } from './activity';
import { ChooseAddress } from './choose-address';
import { Streams } from './streams';
import { useActivity } from './use-activity';

export function Dashboard() {
  const events = useActivity();
  const { status } = useConnectionState();
  const [chosen, choose] = useState<string>();
  // Until somebody is chosen: the sender that something happened to last when the page was opened.
  const lastSender = events?.find(({ sender }) => sender)?.sender;
  if (chosen === undefined && lastSender) choose(lastSender);
  return (
    <>
      <header>
        <h1>Payment streams</h1>
        <p role="status" className={`state ${status}`}>
          {status === 'open' ? 'live' : status}
        </p>
      </header>
      <main>
        <Streams address={chosen} onChoose={choose}>
          <ChooseAddress address={chosen} onChoose={choose} />
        </Streams>
        <Activity events={events} onChoose={choose} />
      </main>
    </>
  );
}
