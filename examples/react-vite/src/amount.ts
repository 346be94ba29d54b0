/** Returns an address as people tell it from others. */
export function short(address: string): string {
  return `${address.slice(0, 4)}…${address.slice(-4)}`;
}

/**
 * Returns an amount in smallest units, with its token. The service does not say how many decimals a token has, and a
 * guess would be wrong by powers of ten. Amounts do not fit into a number.
 */
export function amountText(amount: bigint, tokenAddress: string | null | undefined): string {
  return `${amount.toLocaleString('en')} units of ${tokenAddress ? short(tokenAddress) : 'an unknown token'}`;
}

/** Returns how much of the whole a part is, in percent. */
export function percentOf(part: bigint, whole: bigint): number {
  return whole > 0n ? Number((part * 1_000n) / whole) / 10 : 0;
}
