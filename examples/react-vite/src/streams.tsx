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
        <Amount of={claimable} token={stream.tokenAddress} />
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

function Progress({ stream, claimable }: { stream: StreamRecord; claimable: bigint }) {
  const deposited = BigInt(stream.depositedAmount);
  const withdrawn = percentOf(BigInt(stream.withdrawnAmount), deposited);
  const ready = percentOf(claimable, deposited);
  return (
    <div className="progress" title={`${withdrawn} % paid out, ${ready} % claimable`}>
      <span className="withdrawn" style={{ width: `${withdrawn}%` }} />
      <span className="ready" style={{ width: `${ready}%` }} />
    </div>
  );
}
