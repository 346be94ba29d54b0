import { useEffect, useState } from 'react';
import { get } from './service';

/** What flows one way. Sums are strings: they do not fit into a number. */
interface Flow {
  activeCount: number;
  claimableAmount: string;
  ratePerSecond: string;
}

/** What somebody is paid and pays in one token. */
export interface TokenSummary {
  tokenAddress: string;
  incoming: Flow;
  outgoing: Flow;
}

/** The totals of somebody over all streams, by token. */
export interface Summary {
  address: string;
  tokens: TokenSummary[];
  hasMoreTokens: boolean;
}

/** Asks for the totals of an address, and again whenever `freshness` is another value. */
export function useSummary(address: string | undefined, freshness: unknown): Summary | undefined {
  const [summary, setSummary] = useState<Summary>();
  useEffect(() => {
    if (address === undefined) return;
    const ends = new AbortController();
    // After a failure the next change asks again; what is shown stays.
    get<Summary>(`/v1/users/${address}/summary`, ends.signal).then(setSummary, () => undefined);
    return () => ends.abort();
  }, [address, freshness]);
  return summary?.address === address ? summary : undefined;
}
