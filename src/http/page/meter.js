// Pieces that show a stream in the table and on its page.

import { amountText, big, share, splitAmount } from './amounts.js';
import { make, setText } from './dom.js';

export const moneyElement = () => make('span', { class: 'money' }, make('b'), make('span'));

export function setMoney(element, amount) {
  const [whole, fraction] = splitAmount(amount);
  setText(element.firstChild, whole);
  setText(element.lastChild, `.${fraction}`);
}

export const meterElement = () => make('div', { class: 'meter', role: 'img' }, make('i'), make('i'));

/** Two parts of what was deposited: withdrawn, then claimable. */
export function setMeter(meter, stream, claimable) {
  const deposited = big(stream.depositedAmount);
  const widths = [share(big(stream.withdrawnAmount), deposited), share(claimable, deposited)];
  widths.forEach((width, at) => {
    if (meter.children[at].style.width !== width) meter.children[at].style.width = width;
  });
  const label = `${widths[0]} withdrawn, ${widths[1]} claimable, of ${amountText(stream.depositedAmount)}`;
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
