/** A Stellar asset has seven decimals. */
const UNIT = 10_000_000n;

/** Returns an amount in units of its token, cut after so many decimals. Amounts do not fit into a number. */
export function inTokens(amount: bigint, decimals: number): string {
  const fraction = String(amount % UNIT).padStart(7, '0').slice(0, decimals);
  return `${(amount / UNIT).toLocaleString('en')}.${fraction}`;
}

/** Returns how much of the whole a part is, in percent. */
export function percentOf(part: bigint, whole: bigint): number {
  return whole > 0n ? Number((part * 1_000n) / whole) / 10 : 0;
}
