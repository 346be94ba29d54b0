import type { StreamRecord } from '@flowfi/stream-events';
import { useClaimable, useUserStreams } from '@flowfi/stream-events/react';
import type { ReactNode } from 'react';
import { Address } from './address';
import { Amount, percentOf } from './amount';
import { Totals } from './totals';

interface Props {
  address: string | undefined;
  onChoose: (address: string) => void;
}

/** The streams that somebody pays or is paid by. */
export function Streams({ address, onChoose, children }: Props & { children: ReactNode }) {
  const { streams, total, error } = useUserStreams(address, { limit: 20 });
  return (
    <section className="streams">
      <h2>Streams</h2>
      {children}
      {error && <p role="alert">{error.message}</p>}
      <Totals address={address} streams={streams} />
      <table>
        <thead>
          <tr>
            <th>Stream</th>
            <th>With</th>
            <th>Status</th>
            <th className="number">Claimable now</th>
            <th className="number">Deposited</th>
            <th>Paid out, claimable</th>
          </tr>
        </thead>
        <tbody>
          {streams.map((stream) => (
            <Row key={stream.id} stream={stream} address={address} onChoose={onChoose} />
          ))}
        </tbody>
      </table>
      {total > streams.length && <p className="soft">The last {streams.length} of {total}; the totals are of all of them.</p>}
      <p className="soft">
        Amounts are in the smallest units of each stream’s token: the service does not say how many decimals a token has.
      </p>
    </section>
  );
}

function Row({ stream, address, onChoose }: Props & { stream: StreamRecord }) {
  const claimable = useClaimable(stream);
  const isPayer = stream.sender === address;
  return (
    <tr>
      <td>{stream.streamId}</td>
      <td>
        {isPayer ? 'to ' : 'from '}
        <Address of={isPayer ? stream.recipient : stream.sender} onChoose={onChoose} />
      </td>
      <td>
        <span className={`badge ${stream.status}`}>{stream.status}</span>
      </td>
      <td className="number">
        <Claimable amount={claimable} stream={stream} />
      </td>
      <td className="number">
        <Amount of={BigInt(stream.depositedAmount)} token={stream.tokenAddress} />
      </td>
      <td>
        <Progress stream={stream} claimable={claimable} />
      </td>
    </tr>
  );
}

/** Why nobody can say yet what can be claimed, in words. */
const REASONS: Record<NonNullable<StreamRecord['claimableReason']>, string> = {
  notYetChecked: 'being read from the chain',
  unknownSchedule: 'a schedule that the service does not know',
  unknownField: 'a record that the service does not know',
  unreadableEntry: 'a record that the service cannot read',
  closed: 'the contract deleted its record',
};

function Claimable({ stream, amount }: { stream: StreamRecord; amount: bigint | null }) {
  if (amount !== null) return <Amount of={amount} token={stream.tokenAddress} />;
  return <span className="soft">{stream.claimableReason ? REASONS[stream.claimableReason] : 'not known'}</span>;
}

function Progress({ stream, claimable }: { stream: StreamRecord; claimable: bigint | null }) {
  const deposited = BigInt(stream.depositedAmount);
  const withdrawn = percentOf(BigInt(stream.withdrawnAmount), deposited);
  const ready = claimable === null ? undefined : percentOf(claimable, deposited);
  return (
    <div className="progress" title={`${withdrawn} % paid out, ${ready ?? 'unknown'} % claimable`}>
      <span className="withdrawn" style={{ width: `${withdrawn}%` }} />
      <span className="ready" style={{ width: `${ready ?? 0}%` }} />
    </div>
  );
}
