import type { LoggedEvent } from '@flowfi/stream-events';
import { Address } from './address';
import { inTokens } from './amount';

interface Props {
  events: readonly LoggedEvent[];
  onChoose: (address: string) => void;
}

/** What happens, newest first. */
export function Activity({ events, onChoose }: Props) {
  return (
    <section className="activity">
      <h2>Activity</h2>
      {events.length === 0 && <p className="soft">Nothing has happened yet.</p>}
      <ol>
        {events.map(({ type, data, timestamp }) => (
          <li key={data.id} data-id={data.id}>
            <div>
              <strong>{type.replace('stream.', '').replace('_', ' ')}</strong> stream {data.streamId}
              <p className="soft">
                {data.sender && <Address of={data.sender} onChoose={onChoose} />} →{' '}
                {data.recipient && <Address of={data.recipient} onChoose={onChoose} />}
              </p>
            </div>
            <div className="number">
              {data.amount && inTokens(BigInt(data.amount), 2)}
              <p className="soft">{new Date(timestamp).toLocaleTimeString()}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
