// The form that creates a stream on a local network.

import { amountRule, typedAmount } from './amounts.js';
import { ask, kindly, post, refusalText } from './api.js';
import { byId, make, notify, setText } from './dom.js';
import { local, short } from './parties.js';
import { Refetch } from './refetch.js';

/** Fetches the accounts of the local network until that succeeds. Resolves after the first attempt; if a later one
    succeeds, it calls `arrivedLate`. */
export function startLocalNetwork(arrivedLate) {
  byId('create-form').addEventListener('submit', create);
  byId('create-close').addEventListener('click', () => byId('create').close());
  byId('create-open').addEventListener('click', openForm);
  let isLate = false;
  const fetching = new Refetch(async signal => {
    show(await ask('devnet/accounts', { signal }));
    if (isLate) setTimeout(arrivedLate); // not in here: what fails in here is fetched again
  }, 1_000, error => {
    if (!isLate) notify(kindly(error), true);
    isLate = true;
  });
  return fetching.now();
}

function show({ accounts, contractId }) {
  local.accounts = accounts;
  local.contractId = contractId;
  local.names = new Map(accounts.map(({ address, name }) => [address, name]));
  const form = byId('create-form');
  for (const party of ['sender', 'recipient']) {
    const options = accounts.map(({ address, name }) => make('option', { value: address }, `${name} (${short(address)})`));
    form.elements[party].replaceChildren(...options);
  }
  form.elements.recipient.selectedIndex = Math.min(1, accounts.length - 1);
  byId('create-open').hidden = false;
}

function openForm() {
  setText(byId('create-wrong'), '');
  byId('create').showModal();
}

/** Returns why the contract would refuse; an empty text if it would not. */
function objection(units, seconds) {
  if (units === null) return amountRule();
  if (units === 0n) return 'The amount must be above zero.';
  return units < seconds ? 'Spread over that time this is less than one unit a second, which the contract refuses.' : '';
}

async function create(submit) {
  submit.preventDefault();
  const form = byId('create-form');
  const { sender, recipient, amount, duration, unit } = form.elements;
  const units = typedAmount(amount.value);
  // A field for numbers also takes 1e3 and 1.5.
  const isWhole = /^[1-9]\d*$/.test(duration.value);
  const seconds = isWhole ? BigInt(duration.value) * BigInt(unit.value) : 0n;
  const wrong = isWhole ? objection(units, seconds) : 'The duration is a whole number, in digits alone.';
  setText(byId('create-wrong'), wrong);
  if (wrong) { (isWhole ? amount : duration).focus(); return; }
  const button = byId('create-submit');
  button.disabled = true;
  try {
    const body = { sender: sender.value, recipient: recipient.value, amount: String(units), duration: String(seconds) };
    const receipt = await post('devnet/streams', body);
    byId('create').close();
    notify(`Created stream ${receipt.streamId} in ledger ${receipt.ledger}.`);
  } catch (error) {
    setText(byId('create-wrong'), refusalText(error));
  }
  button.disabled = false;
}
