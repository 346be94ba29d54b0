// How a stream's deposit divides at a moment, and what became of each part.

import { big, larger, smaller } from './amounts.js';

/** What the part is that was neither paid out nor can be claimed. */
function restOf({ isActive, status }) {
  if (isActive) return { kind: 'left', label: 'Still to come' };
  // Cancelling pays the recipient what was accrued, and the sender all the rest.
  return status === 'cancelled' ? { kind: 'refunded', label: 'Refunded' } : { kind: 'unpaid', label: 'Not paid out' };
}

/** The parts of the deposit: withdrawn, claimable, and the rest. They add up to it, and their shares to 100 %. */
export function divisionOf(stream, claimable) {
  const deposited = big(stream.depositedAmount);
  const withdrawn = larger(smaller(big(stream.withdrawnAmount), deposited), 0n);
  const ready = larger(smaller(claimable, deposited - withdrawn), 0n);
  const parts = [
    { kind: 'withdrawn', label: 'Withdrawn', amount: withdrawn },
    { kind: 'claimable', label: 'Claimable', amount: ready },
    { ...restOf(stream), amount: deposited - withdrawn - ready },
  ];
  const shares = sharesOf(parts.map(({ amount }) => amount));
  return parts.map((part, at) => ({ ...part, share: `${shares[at] / 10}%` }));
}

/** Shares in tenths of a percent. What rounding down loses goes to those that lost most by it. */
function sharesOf(amounts) {
  const whole = amounts.reduce((sum, amount) => sum + amount, 0n);
  if (whole === 0n) return amounts.map(() => 0);
  const shares = amounts.map(amount => Number(amount * 1_000n / whole));
  const lost = 1_000 - shares.reduce((sum, share) => sum + share, 0);
  const remainder = at => amounts[at] * 1_000n % whole;
  const byLoss = shares.map((_, at) => at).sort((a, b) => (remainder(a) < remainder(b) ? 1 : -1));
  for (const at of byLoss.slice(0, lost)) shares[at] += 1;
  return shares;
}
