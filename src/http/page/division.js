// How a stream's deposit is divided at a moment, and what became of each part.

import { big, larger, smaller } from './amounts.js';

/** Describes the part that was neither paid out nor is claimable. */
function restOf({ isActive, status }, claimable) {
  if (isActive) return { kind: 'left', label: claimable === null ? 'Claimable or still to come' : 'Still to come' };
  // Cancelling pays the accrued amount to the recipient, and the rest to the sender. A closed stream with a rest was cancelled.
  const isRefunded = status === 'cancelled' || status === 'closed';
  return isRefunded ? { kind: 'refunded', label: 'Refunded' } : { kind: 'unpaid', label: 'Not paid out' };
}

/** The parts of the deposit: withdrawn, claimable (null if unknown) and the rest. The parts add up to the deposit, and their
    shares to 100 %. */
export function divisionOf(stream, claimable) {
  const deposited = big(stream.depositedAmount);
  const withdrawn = larger(smaller(big(stream.withdrawnAmount), deposited), 0n);
  const ready = larger(smaller(claimable ?? 0n, deposited - withdrawn), 0n);
  const parts = [
    { kind: 'withdrawn', label: 'Withdrawn', amount: withdrawn },
    { kind: 'claimable', label: 'Claimable', amount: ready },
    { ...restOf(stream, claimable), amount: deposited - withdrawn - ready },
  ];
  const shares = sharesOf(parts.map(({ amount }) => amount));
  return parts.map((part, at) => ({ ...part, share: `${shares[at] / 10}%` }));
}

/** Shares in tenths of a percent. What is lost by rounding down goes to the shares that lost most. */
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
