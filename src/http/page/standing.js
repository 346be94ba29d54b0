// The state of a stream at a moment: the claimable amount, the status to show, how long it lasts.

import { claimableAt } from './accrual.js';
import { big, larger } from './amounts.js';
import { durationText } from './times.js';

/** The amount that has not been withdrawn. */
export const leftOf = stream => larger(big(stream.depositedAmount) - big(stream.withdrawnAmount), 0n);

/** How soon to ask again about a stream whose entry is still to be read from the chain. */
export const CHECKED_WITHIN_MS = 5_000;

/** Whether the claimable amount becomes known without an event: the indexer still has to read the contract’s entry. */
export const awaitsEntry = ({ claimableReason }) => claimableReason === 'notYetChecked';

/** The claimable amount: zero once the contract has deleted the record, null while it is unknown. */
export const claimableOf = (stream, nowMs) => (stream.status === 'closed' ? 0n : claimableAt(stream, BigInt(nowMs)));

/** The status to show: an active stream ends without an event. */
export function statusAt(stream, nowMs) {
  const isOver = stream.status === 'active' && stream.endTime !== null && stream.endTime * 1000 <= nowMs;
  return isOver ? 'ended' : stream.status;
}

/** How long it takes until everything is released. */
export function lastsText(stream, nowMs) {
  const status = statusAt(stream, nowMs);
  if (status === 'ended') return 'all released';
  if (status === 'paused') return 'on hold';
  if (status !== 'active') return '–';
  if (stream.endTime !== null) return durationText(Math.max(Math.ceil(stream.endTime - nowMs / 1000), 0));
  return { unknown: 'not known', steps: 'when unlocked' }[stream.schedule.kind] ?? 'never';
}

const REASONS = {
  notYetChecked: 'an event changed more than it states, and the contract’s entry has not been read since',
  unknownSchedule: 'the contract’s entry has a schedule that this indexer does not know',
  unknownField: 'the contract’s entry has a field that this indexer does not know',
  unreadableEntry: 'the contract’s entry cannot be read',
};

/** Why the claimable amount is unknown; empty if it is known. */
export function reasonText({ claimableReason: reason }) {
  if (reason === null) return '';
  if (reason === 'closed') return 'The stream is over, and the contract has deleted its record.';
  return `Not known yet: ${REASONS[reason] ?? reason}.`;
}

const DISPUTES = {
  none: '–',
  requested: 'Requested; the arbiter has not decided yet',
  approved: 'The arbiter approved it',
  rejected: 'The arbiter rejected it',
};

/** The state of a dispute. */
export const disputeText = ({ disputeStatus }) => DISPUTES[disputeStatus] ?? disputeStatus;

/** When the record was last compared with the chain, and whether that was after its last event. */
export function checkedText({ checkedAtLedger, lastEventLedger }) {
  if (checkedAtLedger === null) return 'not yet';
  const at = `at ledger ${checkedAtLedger.toLocaleString('en')}`;
  return checkedAtLedger >= lastEventLedger ? at : `${at}, not since its last event`;
}
