// The types of events: their names, their symbols, and the sentence that describes each.

import { amountText, big, count, digitsOf, unitText } from './amounts.js';
import { make } from './dom.js';
import { digitsElement } from './meter.js';
import { contractText, copyButton, hashOf, partyText } from './parties.js';
import { dateText, momentText } from './times.js';

const link = event => {
  const of = contractText(event);
  return make('a', { href: hashOf(event) }, `stream ${event.streamId}${of ? ` of ${of}` : ''}`);
};
const strong = text => make('b', { class: 'number' }, text);

/** The token of an event's amounts. */
const tokenOf = event => event.tokenAddress ?? event.token ?? null;

/** An amount with its unit. */
const sum = (event, text) => {
  if (text === null || text === undefined) return amountText(text);
  return make('span', {}, bare(event, text), ' ', make('span', { class: 'unit' }, unitText(tokenOf(event))));
};

/** Another amount of the same event, in the same unit. */
const bare = (event, text) =>
  (text === null || text === undefined ? amountText(text) : digitsElement(digitsOf(big(text), tokenOf(event))));

const percent = points => strong(Number.isInteger(points) ? `${points / 100} %` : 'unknown');

const party = address => strong(partyText(address));

const deposit = e => [' with ', sum(e, e.depositedAmount ?? e.amount)];

/** The rest of the sentence about a creation. The contract has several events for it, with different fields. */
const CREATIONS = {
  stream: e => [...deposit(e), ...(e.ratePerSecond === '0' ? [] : [', ', bare(e, e.ratePerSecond), ' a second'])],
  stepVesting: e => [...deposit(e), ', in ', strong(count(e.stepCount)), ` ${e.stepCount === 1 ? 'step' : 'steps'} until ${dateText(e.lastUnlockTime)}`],
  hybridCliff: e => [...deposit(e), ': ', bare(e, e.cliffUnlockAmount), ` on ${dateText(e.cliffTime)}, then `,
    bare(e, e.ratePerSecond), ' a second'],
  allowance: e => [', based on an allowance, ', sum(e, e.ratePerSecond), ' a second'],
};

/** What a cancellation moved: an amount of zero did not happen. */
function endOf(e) {
  const moved = [[e.amount, ' paid out'], [e.refundedAmount, ' refunded']].filter(([amount]) => amount !== '0');
  return moved.flatMap(([amount, word], at) => [at > 0 ? ', ' : ': ', at > 0 ? bare(e, amount) : sum(e, amount), word]);
}

export const KINDS = {
  'stream.created': { label: 'Created', sign: '+', tone: 'good',
    say: e => ['Created ', link(e), ...(CREATIONS[e.creator] ?? CREATIONS.stream)(e)] },
  'stream.topped_up': { label: 'Topped up', sign: '↑', tone: 'good',
    say: e => ['Topped up ', link(e), ' by ', sum(e, e.amount), ' to ', bare(e, e.newDepositedAmount)] },
  'stream.withdrawn': { label: 'Withdrawn', sign: '↓', tone: 'calm',
    say: e => ['Withdrawn ', sum(e, e.amount), ' from ', link(e)] },
  'stream.cancelled': { label: 'Cancelled', sign: '×', tone: 'bad',
    say: e => ['Cancelled ', link(e), ...endOf(e)] },
  'stream.completed': { label: 'Completed', sign: '✓', tone: 'calm',
    say: e => ['Completed ', link(e), ': ', sum(e, e.totalWithdrawn), ' withdrawn in all'] },
  'stream.paused': { label: 'Paused', sign: '‖', tone: 'warn',
    say: e => ['Paused ', link(e)] },
  'stream.resumed': { label: 'Resumed', sign: '▸', tone: 'good',
    say: e => ['Resumed ', link(e)] },
  'stream.rate_modified': { label: 'Rate changed', sign: '~', tone: 'warn',
    say: e => ['Changed the rate of ', link(e), ' from ', bare(e, e.oldRatePerSecond), ' to ', sum(e, e.newRatePerSecond),
      ' a second'] },
  'stream.milestone_unlocked': { label: 'Milestone met', sign: '◆', tone: 'good',
    say: e => ['Milestone ', strong(String(e.milestoneId)), ' of ', link(e), ' met: ', sum(e, e.amount), ' unlocked'] },
  'stream.recipient_transferred': { label: 'Recipient changed', sign: '⇄', tone: 'calm',
    say: e => ['Recipient of ', link(e), ' transferred from ', party(e.oldRecipient), ' to ', party(e.newRecipient),
      ...(big(e.settledAmount) > 0n ? [', with ', sum(e, e.settledAmount), ' paid out first'] : [])] },
  'stream.dispute_requested': { label: 'Dispute requested', sign: '!', tone: 'warn',
    say: e => ['Sender asked the arbiter ', party(e.arbiter), ' to end ', link(e)] },
  'stream.dispute_resolved': { label: 'Dispute decided', sign: '!', tone: 'calm',
    say: e => ['Arbiter ', party(e.arbiter), e.approved ? ' decided to end ' : ' decided not to end ', link(e)] },
  'stream.closed': { label: 'Closed', sign: '□', tone: '',
    say: e => ['Closed ', link(e), ': the contract deleted its record'] },
  'stream.fee_collected': { label: 'Fee collected', sign: '%', tone: '',
    say: e => ['Fee of ', sum(e, e.feeAmount ?? e.amount), ' on ', link(e)] },
  'protocol.initialized': { label: 'Protocol initialized', sign: '§', tone: '',
    say: e => ['Protocol set up with a fee of ', percent(e.feeRateBps)] },
  'protocol.fee_config_updated': { label: 'Fee changed', sign: '§', tone: '',
    say: e => ['Protocol fee changed from ', percent(e.oldFeeRateBps), ' to ', percent(e.newFeeRateBps)] },
  'protocol.admin_transferred': { label: 'Admin changed', sign: '§', tone: '',
    say: e => ['Administrator is now ', partyText(e.newAdmin), ', before ', partyText(e.previousAdmin)] },
  'protocol.paused': { label: 'Deposits stopped', sign: '§', tone: 'warn',
    say: e => [party(e.caller ?? e.admin), e.paused ?? e.isPaused ? ' stopped new deposits' : ' allowed new deposits again'] },
  'protocol.guardian_updated': { label: 'Guardian changed', sign: '§', tone: '',
    say: e => (e.guardian === null ? ['Nobody but the administrator'] : [party(e.guardian)]).concat(' may stop new deposits') },
  'protocol.upgraded': { label: 'Code replaced', sign: '§', tone: 'warn',
    say: e => ['Contract’s code replaced by ', party(e.newWasmHash)] },
  'protocol.migrated': { label: 'State migrated', sign: '§', tone: '',
    say: e => ['Contract’s state migrated from version ', strong(String(e.oldVersion)), ' to ', strong(String(e.newVersion))] },
};

/** An event of a type that this page does not know is shown by its type. */
const kindOf = event => KINDS[event.type] ?? { sign: '·', tone: '', say: e => [String(e.type)] };

/** The event in words, for people who cannot see the list. */
export const spoken = event => kindOf(event).say(event).map(part => part.textContent ?? part).join('');

export function eventElement(event) {
  const kind = kindOf(event);
  const { sender, recipient } = event;
  const parties = sender && recipient ? [make('span', {}, `${partyText(sender)} → ${partyText(recipient)}`)] : [];
  const title = `${event.ledgerClosedAt}\n${event.id}`;
  const time = make('time', { datetime: event.ledgerClosedAt, title }, momentText(Date.parse(event.ledgerClosedAt)));
  const hash = event.transactionHash ? [copyButton(event.transactionHash, 'transaction hash')] : [];
  return make('li', { class: 'event', 'data-event-id': event.id, 'data-type': event.type },
    make('span', { class: `sign ${kind.tone}`, 'aria-hidden': 'true' }, kind.sign),
    make('div', {}, make('p', {}, ...kind.say(event)),
      make('p', { class: 'meta' }, time, make('span', {}, `ledger ${count(event.ledger)}`), ...parties, ...hash)));
}
