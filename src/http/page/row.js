// One row of the table of streams.

import { big, digitsOf, unitWord } from './amounts.js';
import { divisionOf } from './division.js';
import { make, setText } from './dom.js';
import { badgeElement, digitsElement, meterElement, moneyElement, setBadge, setDigits, setMeter, setMoney } from './meter.js';
import { contractText, copyButton, hashOf, keyOf, partyNodes, setParty } from './parties.js';
import { claimableOf, lastsText, reasonText, statusAt } from './standing.js';
import { clock, wholeSecond } from './times.js';

function partyLine(word, ...nodes) {
  return make('span', { class: 'party' }, make('span', { class: 'way' }, word), ...nodes);
}

const cell = (name, attributes, ...children) => make('td', { role: 'cell', 'data-cell': name, ...attributes }, ...children);

/** Builds the row of a stream. It writes what never changes; `fillRow` writes the rest. */
export function makeRow(stream) {
  const parts = {
    link: make('a', { class: 'id' }), contract: make('span', { class: 'soft' }), badge: badgeElement(), meter: meterElement(), claimable: moneyElement(),
    recipient: make('span'), deposited: moneyElement(), refunded: make('span', { class: 'soft', hidden: '' }, digitsElement(''), ' refunded'), lasts: make('span'),
  };
  const element = make('tr', { role: 'row', 'data-stream': stream.streamId },
    cell('id', {}, parts.link, parts.contract, copyButton(stream.tokenAddress, 'token address')),
    cell('parties', {}, partyLine('from', ...partyNodes(stream.sender)), partyLine('to', parts.recipient)),
    cell('status', {}, parts.badge),
    cell('progress', {}, parts.meter, make('span', { class: 'soft' }, 'of ', parts.deposited), parts.refunded),
    cell('claimable', { class: 'right', 'data-label': 'Claimable' }, parts.claimable),
    cell('lasts', { class: 'right', 'data-label': 'Runs out in' }, parts.lasts));
  element.addEventListener('click', click => {
    if (!click.target.closest('a, button') && !String(getSelection())) parts.link.click();
  });
  return { element, parts, stream };
}

/** Writes a stream's record into its row. Returns whether anything changed. */
export function fillRow(row, stream) {
  const isNew = row.stream.updatedAt !== stream.updatedAt;
  row.stream = stream;
  const { parts } = row;
  setText(parts.link, `#${stream.streamId}`);
  parts.link.href = hashOf(stream);
  const of = contractText(stream);
  setText(parts.contract, of ? `of ${of}` : '');
  parts.link.setAttribute('aria-label', `Stream ${stream.streamId}${of ? ` of ${of}` : ''}`);
  parts.link.title = stream.streamId;
  setParty(parts.recipient, stream.recipient);
  setMoney(parts.deposited, big(stream.depositedAmount), stream.tokenAddress, unitWord(stream.tokenAddress));
  tickRow(row);
  return isNew;
}

/** Updates what changes with time. All rows show the same whole second, so that they can be compared. */
export function tickRow({ parts, stream }) {
  const now = wholeSecond(clock.now());
  const claimable = claimableOf(stream, now);
  const division = divisionOf(stream, claimable);
  setMoney(parts.claimable, claimable, stream.tokenAddress, unitWord(stream.tokenAddress));
  parts.claimable.title = reasonText(stream);
  setMeter(parts.meter, stream, division);
  const refund = division.find(({ kind }) => kind === 'refunded');
  parts.refunded.hidden = refund === undefined || refund.amount === 0n;
  if (refund) setDigits(parts.refunded.firstChild, digitsOf(refund.amount, stream.tokenAddress));
  setBadge(parts.badge, statusAt(stream, now));
  setText(parts.lasts, lastsText(stream, now));
}

export const rowKey = row => keyOf(row.stream);
