import type { StreamRecord } from '@flowfi/stream-events';
import { inTokens } from './amount';

const SECONDS_PER_HOUR = 3_600n;

/** What flows to somebody and from somebody in an hour, by the streams that run. */
export function Rates({ streams, address }: { streams: readonly StreamRecord[]; address: string | undefined }) {
  const running = streams.filter(({ status }) => status === 'active');
  const incoming = perHour(running.filter(({ recipient }) => recipient === address));
  const outgoing = perHour(running.filter(({ sender }) => sender === address));
  return (
    <dl className="rates">
      <div>
        <dt>Receives per hour</dt>
        <dd>{inTokens(incoming, 2)}</dd>
      </div>
      <div>
        <dt>Pays per hour</dt>
        <dd>{inTokens(outgoing, 2)}</dd>
      </div>
      <div>
        <dt>Streams that run</dt>
        <dd>{running.length}</dd>
      </div>
    </dl>
  );
}

function perHour(streams: readonly StreamRecord[]): bigint {
  return streams.reduce((sum, { ratePerSecond }) => sum + BigInt(ratePerSecond) * SECONDS_PER_HOUR, 0n);
}
