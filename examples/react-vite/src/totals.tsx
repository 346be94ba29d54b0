import type { StreamRecord } from '@flowfi/stream-events';
import { Amount } from './amount';
import { type TokenSummary, useSummary } from './use-summary';

const SECONDS_PER_HOUR = 3_600n;

interface Props {
  address: string | undefined;
  /** When these change, so do the totals. */
  streams: readonly StreamRecord[];
}

/** What flows to somebody and from somebody, over all streams: a line for each token, as tokens cannot be added. */
export function Totals({ address, streams }: Props) {
  const summary = useSummary(address, streams);
  if (summary === undefined) return null;
  return (
    <ul className="totals">
      {summary.tokens.map((token) => (
        <Line key={token.tokenAddress} token={token} />
      ))}
      {summary.tokens.length === 0 && <li>No stream yet.</li>}
      {summary.hasMoreTokens && <li>and more tokens</li>}
    </ul>
  );
}

function Line({ token: { tokenAddress, incoming, outgoing } }: { token: TokenSummary }) {
  const perHour = (rate: string) => <Amount of={BigInt(rate) * SECONDS_PER_HOUR} token={tokenAddress} />;
  return (
    <li data-token={tokenAddress}>
      <span>
        Pays <b>{perHour(outgoing.ratePerSecond)}</b> an hour, by {outgoing.activeCount} running
      </span>
      <span>
        Receives <b>{perHour(incoming.ratePerSecond)}</b> an hour, by {incoming.activeCount} running
      </span>
    </li>
  );
}
