// Streams and addresses as people see them: short, by name if they have one, and copied in full.

import { make, notify } from './dom.js';

/** The accounts of a local network, and the contract whose streams it lets anyone act on; empty otherwise. */
export const local = { accounts: [], names: new Map(), contractId: null };

let homeContract;

/** Sets the contract that a bare number belongs to; null with several contracts. */
export const setHomeContract = contractId => { homeContract = contractId; };

export const keyOf = item => `${item.contractId}:${item.streamId}`;

/** The contract of a stream in brief; empty if its number alone names it, or as long as that is not known. */
export const contractText = item => (homeContract === undefined || item.contractId === homeContract ? '' : short(item.contractId));

/** How the URL names a stream: by its number if that is known to be enough. */
const refOf = item => (item.contractId === homeContract ? item.streamId : keyOf(item));

export const hashOf = item => `#stream/${refOf(item)}`;

/** The fields with the parties by which the service lists streams and events. */
const PARTIES = ['sender', 'recipient', 'oldRecipient', 'newRecipient'];

/** Whether an event is about what an address sends or receives. */
export const concerns = (event, address) => PARTIES.some(name => event[name] === address);

export const short = text => (text.length > 12 ? `${text.slice(0, 4)}…${text.slice(-4)}` : text);

export const partyText = address => local.names.get(address) ?? short(address ?? 'unknown');

/** Copies a text to the clipboard. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify('Copied.');
  } catch {
    prompt('Copy this:', text); // outside a secure context there is no clipboard
  }
}

export function copyButton(text, what, isWhole = false) {
  const shown = isWhole ? text : short(text);
  const title = `${text} (click to copy)`;
  return make('button', { type: 'button', class: 'copy', title, 'aria-label': `${shown}, copy ${what}`, onclick: () => copy(text) }, shown);
}

/** Writes a party that can change; null stands for none. */
export function setParty(element, address, isWhole = false) {
  if (element.dataset.party === String(address)) return;
  element.dataset.party = String(address);
  element.replaceChildren(...(address === null ? ['–'] : partyNodes(address, isWhole)));
}

export function partyNodes(address, isWhole = false) {
  const name = local.names.get(address);
  return [...(name ? [make('b', {}, name)] : []), copyButton(address, 'address', isWhole)];
}
