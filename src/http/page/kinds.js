// The types of events: their names, their symbols, and the sentence that describes each.

import { amountText, big, count, digitsOf, unitText } from './amounts.js';
import { make } from './dom.js';
import { digitsElement } from './meter.js';
import { copyButton, hashOf, partyText } from './parties.js';
import { momentText } from './times.js';

const link = event => make('a', { href: hashOf(event) }, `stream ${event.streamId}`);
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

export const KINDS = {
  'stream.created': { label: 'Created', sign: '+', tone: 'good',
    say: e => ['Created ', link(e), ' with ', sum(e, e.depositedAmount ?? e.amount), ', ', bare(e, e.ratePerSecond), ' a second'] },
  'stream.topped_up': { label: 'Topped up', sign: '↑', tone: 'good',
    say: e => ['Topped up ', link(e), ' by ', sum(e, e.amount), ' to ', bare(e, e.newDepositedAmount)] },
  'stream.withdrawn': { label: 'Withdrawn', sign: '↓', tone: 'calm',
    say: e => ['Withdrawn ', sum(e, e.amount), ' from ', link(e)] },
  'stream.cancelled': { label: 'Cancelled', sign: '×', tone: 'bad',
    say: e => ['Cancelled ', link(e), ': ', sum(e, e.amount), ' paid out, ', bare(e, e.refundedAmount), ' refunded'] },
  'stream.completed': { label: 'Completed', sign: '✓', tone: 'calm',
    say: e => ['Completed ', link(e), ': ', sum(e, e.totalWithdrawn), ' withdrawn in all'] },
  'stream.paused': { label: 'Paused', sign: '‖', tone: 'warn',
    say: e => ['Paused ', link(e)] },
  'stream.resumed': { label: 'Resumed', sign: '▸', tone: 'good',
    say: e => ['Resumed ', link(e)] },
  'stream.fee_collected': { label: 'Fee collected', sign: '%', tone: '',
    say: e => ['Fee of ', sum(e, e.feeAmount ?? e.amount), ' on ', link(e)] },
  'protocol.initialized': { label: 'Protocol initialized', sign: '§', tone: '',
    say: e => ['Protocol set up with a fee of ', percent(e.feeRateBps)] },
  'protocol.fee_config_updated': { label: 'Fee changed', sign: '§', tone: '',
    say: e => ['Protocol fee changed from ', percent(e.oldFeeRateBps), ' to ', percent(e.newFeeRateBps)] },
  'protocol.admin_transferred': { label: 'Admin changed', sign: '§', tone: '',
    say: e => ['Administrator is now ', partyText(e.newAdmin), ', before ', partyText(e.previousAdmin)] },
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
