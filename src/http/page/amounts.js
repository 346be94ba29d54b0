// Amounts: BigInt from end to end, never a float, and never one token's with another's.

import { short } from './parties.js';

/** How many decimals a token has, or null while that is not known. The API does not tell, so all amounts are shown in
    smallest units. Once it does, this is the one place to say so. */
const decimalsOf = _tokenAddress => null;

export const big = text => (/^-?\d+$/.test(text ?? '') ? BigInt(text) : 0n);
export const smaller = (a, b) => (a < b ? a : b);
export const larger = (a, b) => (a > b ? a : b);

const grouped = digits => digits.replace(/\B(?=(\d{3})+$)/g, ',');

export const count = number => number.toLocaleString('en');

/** The digits of an amount, all of them: whole tokens where the decimals are known, else smallest units. */
export function digitsOf(amount, tokenAddress) {
  const decimals = decimalsOf(tokenAddress) ?? 0;
  const size = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = grouped(size.slice(0, size.length - decimals));
  return `${amount < 0n ? '−' : ''}${whole}${decimals > 0 ? `.${size.slice(-decimals)}` : ''}`;
}

/** What the digits count, where the token is named beside them. */
export const unitWord = tokenAddress => (decimalsOf(tokenAddress) === null ? 'units' : '');

/** What the digits count, with the token's name. */
export function unitText(tokenAddress) {
  const name = tokenAddress ? short(tokenAddress) : 'an unknown token';
  return decimalsOf(tokenAddress) === null ? `units of ${name}` : name;
}

/** An amount inside a sentence. */
export function amountText(text, tokenAddress) {
  if (text === null || text === undefined) return 'an unknown amount';
  return `${digitsOf(big(text), tokenAddress)} ${unitText(tokenAddress)}`;
}

/** Reads what a person typed into smallest units; null if it is no amount. */
export function typedAmount(text, tokenAddress) {
  const decimals = decimalsOf(tokenAddress) ?? 0;
  const match = /^(\d+)(?:\.(\d*))?$/.exec(text.replace(/[\s,]/g, ''));
  if (match === null || (match[2] ?? '').length > decimals) return null;
  return BigInt(match[1] + (match[2] ?? '').padEnd(decimals, '0'));
}

/** What a typed amount has to be. */
export function amountRule(tokenAddress) {
  const decimals = decimalsOf(tokenAddress);
  if (decimals === null) return 'An amount is a whole number of the token’s smallest units.';
  return `An amount is a number with at most ${decimals} decimals.`;
}
