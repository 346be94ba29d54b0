// Amounts: BigInt from end to end, shown with seven decimals.

const DECIMALS = 7;
const UNIT = 10n ** BigInt(DECIMALS);

export const big = text => (/^-?\d+$/.test(text ?? '') ? BigInt(text) : 0n);
export const smaller = (a, b) => (a < b ? a : b);
export const larger = (a, b) => (a > b ? a : b);

export const count = number => number.toLocaleString('en');

/** The part before the point, with its sign, and the decimals. */
export function splitAmount(amount) {
  const size = amount < 0n ? -amount : amount;
  const whole = (size / UNIT).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  return [`${amount < 0n ? '−' : ''}${whole}`, (size % UNIT).toString().padStart(DECIMALS, '0')];
}

/** An amount inside a sentence: exact, without the zeros at its end. */
export function amountText(text) {
  if (text === null || text === undefined) return 'an unknown amount';
  const [whole, fraction] = splitAmount(big(text));
  const kept = fraction.replace(/0+$/, '');
  return kept ? `${whole}.${kept}` : whole;
}

/** Reads what a person typed into smallest units; null if it is no amount. */
export function typedAmount(text) {
  const match = /^(\d+)(?:\.(\d{0,7}))?$/.exec(text.replace(/[\s,]/g, ''));
  return match ? BigInt(match[1]) * UNIT + BigInt((match[2] ?? '').padEnd(DECIMALS, '0')) : null;
}

/** A share in tenths of a percent. */
export function share(part, whole) {
  return whole > 0n ? `${Number(larger(smaller(part * 1000n / whole, 1000n), 0n)) / 10}%` : '0%';
}
