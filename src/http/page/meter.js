// The parts that show a stream in the table and on its page.

import { amountText, digitsOf } from './amounts.js';
import { make, setText } from './dom.js';

/** A number up to this length fits on one line everywhere. */
const ONE_LINE = 14;

/** Writes digits so that a line breaks only between the groups of long numbers. */
export function setDigits(element, text) {
  if (element.textContent === text) return;
  const groups = text.length > ONE_LINE ? text.split(/(?<=,)/) : [text];
  element.replaceChildren(...groups.flatMap((group, at) => (at > 0 ? [make('wbr'), group] : [group])));
}

/** Digits within a sentence. */
export function digitsElement(text) {
  const element = make('b', { class: 'number' });
  setDigits(element, text);
  return element;
}

export const moneyElement = () => make('span', { class: 'money' }, make('b', { class: 'number' }), ' ', make('span', { class: 'unit' }));

/** Writes an amount; null stands for an unknown one. */
export function setMoney(element, amount, tokenAddress, unit) {
  setDigits(element.firstChild, amount === null ? 'not known' : digitsOf(amount, tokenAddress));
  setText(element.lastChild, amount === null ? '' : unit);
}

export const meterElement = () => make('div', { class: 'meter', role: 'img' }, make('i'), make('i'), make('i'));

/** Shows the parts of a deposit. */
export function setMeter(meter, stream, parts) {
  parts.forEach(({ kind, share }, at) => {
    const bar = meter.children[at];
    if (bar.className !== kind) bar.className = kind;
    if (bar.style.width !== share) bar.style.width = share;
  });
  const said = parts.filter(({ kind, amount }) => kind === 'withdrawn' || amount > 0n);
  const shares = said.map(({ label, share }) => `${share} ${label.toLowerCase()}`).join(', ');
  const label = `${shares}, of ${amountText(stream.depositedAmount, stream.tokenAddress)}`;
  if (meter.title === label) return;
  meter.title = label;
  meter.setAttribute('aria-label', label);
}

export const badgeElement = () => make('span', { class: 'badge' });

export function setBadge(badge, status) {
  if (badge.textContent === status) return;
  badge.className = `badge ${status}`;
  badge.textContent = status;
}
