import { Address } from './address';
import { Amount } from './amount';
import type { Happening } from './use-activity';

interface Props {
  /** None: not known yet. */
  events: readonly Happening[] | undefined;
  onChoose: (address: string) => void;
}

/** Returns a type in words; one of a later version, too. */
function labelOf(type: string): string {
  return type.replace(/^stream\./, '').replaceAll(/[._]/g, ' ');
}

/** What happens, newest first. */
export function Activity({ events, onChoose }: Props) {
  return (
    <section className="activity">
      <h2>Activity</h2>
      {events === undefined && <p className="soft">Loading …</p>}
      {events?.length === 0 && <p className="soft">Nothing has happened yet.</p>}
      <ol>
        {events?.map(({ id, type, streamId, sender, recipient, amount, tokenAddress, ledgerClosedAt }) => (
          <li key={id} data-id={id}>
            <div>
              <strong>{labelOf(type)}</strong>
              {streamId && ` stream ${streamId}`}
              {sender && recipient && (
                <p className="soft">
                  <Address of={sender} onChoose={onChoose} /> → <Address of={recipient} onChoose={onChoose} />
                </p>
              )}
            </div>
            <div className="number">
              {amount && <Amount of={BigInt(amount)} token={tokenAddress} />}
              <p className="soft">{new Date(ledgerClosedAt).toLocaleTimeString(undefined, { timeZoneName: 'short' })}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
