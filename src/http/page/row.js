// One row of the table of streams.

import { claimableAt, lastsText, statusAt } from './accrual.js';
import { amountText } from './amounts.js';
import { make, setText } from './dom.js';
import { badgeElement, meterElement, moneyElement, setBadge, setMeter, setMoney } from './meter.js';
import { copyButton, hashOf, keyOf, partyNodes } from './parties.js';
import { clock, wholeSecond } from './times.js';

function partyLine(word, address) {
  return make('span', { class: 'party' }, make('span', { class: 'way' }, word), ...partyNodes(address));
}

const cell = (name, attributes, ...children) => make('td', { role: 'cell', 'data-cell': name, ...attributes }, ...children);

/** Builds the row of a stream. What can never change is written here, the rest by `fillRow`. */
export function makeRow(stream) {
  const parts = {
    link: make('a', { class: 'id' }), badge: badgeElement(), meter: meterElement(), claimable: moneyElement(),
    deposited: make('span', { class: 'soft' }), lasts: make('span'),
  };
  const element = make('tr', { role: 'row', 'data-stream': stream.streamId },
    cell('id', {}, parts.link, copyButton(stream.tokenAddress, 'token address')),
    cell('parties', {}, partyLine('from', stream.sender), partyLine('to', stream.recipient)),
    cell('status', {}, parts.badge),
    cell('progress', {}, parts.meter, parts.deposited),
    cell('claimable', { class: 'right', 'data-label': 'Claimable' }, parts.claimable),
    cell('lasts', { class: 'right', 'data-label': 'Runs out in' }, parts.lasts));
  element.addEventListener('click', click => {
    if (!click.target.closest('a, button') && !String(getSelection())) location.hash = hashOf(stream);
  });
  return { element, parts, stream };
}

/** Writes a stream's record into its row; returns whether it says something new. */
export function fillRow(row, stream) {
  const isNew = row.stream.updatedAt !== stream.updatedAt;
  row.stream = stream;
  const { parts } = row;
  setText(parts.link, `#${stream.streamId}`);
  parts.link.href = hashOf(stream);
  parts.link.setAttribute('aria-label', `Stream ${stream.streamId}`);
  setText(parts.deposited, `of ${amountText(stream.depositedAmount)}`);
  tickRow(row);
  return isNew;
}

/** Writes what changes by itself. All rows show the same whole second, so that they can be compared. */
export function tickRow({ parts, stream }) {
  const now = wholeSecond(clock.now());
  const claimable = claimableAt(stream, now);
  setMoney(parts.claimable, claimable);
  setMeter(parts.meter, stream, claimable);
  setBadge(parts.badge, statusAt(stream, now));
  setText(parts.lasts, lastsText(stream, now));
}

export const rowKey = row => keyOf(row.stream);
