import { Fragment, type ReactNode } from 'react';

/** Returns an address as people tell it from others. */
export function short(address: string): string {
  return `${address.slice(0, 4)}…${address.slice(-4)}`;
}

/** A number up to this length fits on one line everywhere. */
const ONE_LINE = 14;

/** Lets a line break between the groups of a long number, and never inside one. */
function breakable(digits: string): ReactNode {
  if (digits.length <= ONE_LINE) return digits;
  return digits.split(/(?<=,)/).map((group, at) => (
    <Fragment key={at}>
      {group}
      <wbr />
    </Fragment>
  ));
}

interface Props {
  of: bigint;
  token: string | null | undefined;
}

/**
 * An amount in smallest units, with its token. The service does not say how many decimals a token has, and a guess would
 * be wrong by powers of ten. Amounts do not fit into a number.
 */
export function Amount({ of, token }: Props) {
  return (
    <span className="amount">
      {breakable(of.toLocaleString('en'))} <span className="unit">units of {token ? short(token) : 'an unknown token'}</span>
    </span>
  );
}

/** Returns how much of the whole a part is, in percent. */
export function percentOf(part: bigint, whole: bigint): number {
  return whole > 0n ? Number((part * 1_000n) / whole) / 10 : 0;
}
