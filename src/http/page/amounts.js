// Amounts: BigInt throughout, never a float, and amounts of different tokens are never mixed.

import { short } from './parties.js';

/** How many decimals a token has, or null if that is unknown. The API does not say, so all amounts are shown in
    smallest units. Once it does, this is the only place to change. */
const decimalsOf = _tokenAddress => null;

export const big = text => (/^-?\d+$/.test(text ?? '') ? BigInt(text) : 0n);
export const smaller = (a, b) => (a < b ? a : b);
export const larger = (a, b) => (a > b ? a : b);

const grouped = digits => digits.replace(/\B(?=(\d{3})+$)/g, ',');

export const count = number => number.toLocaleString('en');

/** All digits of an amount: in whole tokens if the decimals are known, otherwise in smallest units. */
export function digitsOf(amount, tokenAddress) {
  const decimals = decimalsOf(tokenAddress) ?? 0;
  const size = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = grouped(size.slice(0, size.length - decimals));
  return `${amount < 0n ? '−' : ''}${whole}${decimals > 0 ? `.${size.slice(-decimals)}` : ''}`;
}

/** The unit of the digits, for use beside the token's name. */
export const unitWord = tokenAddress => (decimalsOf(tokenAddress) === null ? 'units' : '');

/** The unit of the digits, with the token's name. */
export function unitText(tokenAddress) {
  const name = tokenAddress ? short(tokenAddress) : 'an unknown token';
  return decimalsOf(tokenAddress) === null ? `units of ${name}` : name;
}

/** An amount within a sentence. */
export function amountText(text, tokenAddress) {
  if (text === null || text === undefined) return 'an unknown amount';
  return `${digitsOf(big(text), tokenAddress)} ${unitText(tokenAddress)}`;
}

/** Converts typed text to smallest units; null if it is not an amount. */
export function typedAmount(text, tokenAddress) {
  const decimals = decimalsOf(tokenAddress) ?? 0;
  const match = /^(\d+)(?:\.(\d*))?$/.exec(text.replace(/[\s,]/g, ''));
  if (match === null || (match[2] ?? '').length > decimals) return null;
  return BigInt(match[1] + (match[2] ?? '').padEnd(decimals, '0'));
}

/** The rule for typed amounts. */
export function amountRule(tokenAddress) {
  const decimals = decimalsOf(tokenAddress);
  if (decimals === null) return 'An amount is a whole number of the token’s smallest units.';
  return `An amount is a number with at most ${decimals} decimals.`;
}
