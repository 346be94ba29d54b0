// What a local network lets one do: create streams, and act on one as the party that may.

import { typedAmount } from './amounts.js';
import { ask, kindly, post, Refusal } from './api.js';
import { byId, make, notify, setText } from './dom.js';
import { local, short } from './parties.js';

const BAD_AMOUNT = 'An amount is a number with at most seven decimals.';

/** Fetches who there is to play with. */
export async function startLocalNetwork() {
  const { accounts } = await ask('devnet/accounts');
  local.accounts = accounts;
  local.names = new Map(accounts.map(({ address, name }) => [address, name]));
  const form = byId('create-form');
  for (const party of ['sender', 'recipient']) {
    const options = accounts.map(({ address, name }) => make('option', { value: address }, `${name} (${short(address)})`));
    form.elements[party].replaceChildren(...options);
  }
  form.elements.recipient.selectedIndex = Math.min(1, accounts.length - 1);
  form.addEventListener('submit', create);
  byId('create-close').addEventListener('click', () => byId('create').close());
  byId('create-open').addEventListener('click', openForm);
  byId('create-open').hidden = false;
}

function openForm() {
  setText(byId('create-wrong'), '');
  byId('create').showModal();
}

/** Says in words what the contract, or whoever was in between, had against it. */
function refusalText(error) {
  if (!(error instanceof Refusal)) return kindly(error);
  const number = error.code === null ? '' : ` (its error ${error.code})`;
  const isContract = error.status === 409 || error.status === 422;
  return isContract ? `The contract refused${number}: ${error.message}.` : kindly(error);
}

async function create(submit) {
  submit.preventDefault();
  const form = byId('create-form');
  const { sender, recipient, amount, duration, unit } = form.elements;
  const units = typedAmount(amount.value);
  setText(byId('create-wrong'), units === null ? BAD_AMOUNT : '');
  if (units === null) { amount.focus(); return; }
  const button = byId('create-submit');
  button.disabled = true;
  try {
    const seconds = BigInt(duration.value) * BigInt(unit.value);
    const body = { sender: sender.value, recipient: recipient.value, amount: String(units), duration: String(seconds) };
    const receipt = await post('devnet/streams', body);
    byId('create').close();
    notify(`Created stream ${receipt.streamId} in ledger ${receipt.ledger}.`);
  } catch (error) {
    setText(byId('create-wrong'), refusalText(error));
  }
  button.disabled = false;
}

/** Builds the buttons of a stream. All of them are there at all times: what does not go, the contract says itself. */
export function makeActs(streamId) {
  const result = make('p', { id: 'act-result', class: 'result', role: 'status', 'aria-live': 'polite' });
  const amount = make('input', {
    id: 'act-amount', 'aria-label': 'Amount to top up', placeholder: 'Amount', inputmode: 'decimal', autocomplete: 'off',
  });
  const say = (text, isBad) => {
    result.className = isBad ? 'result bad' : 'result good';
    setText(result, text);
  };
  const act = (action, body = {}) => actOn(streamId, action, body, group, say);
  const button = (action, label, kind = '') =>
    make('button', { id: `act-${action}`, class: `button ${kind}`, type: 'button', onclick: () => act(action) }, label);
  const topUp = async submit => {
    submit.preventDefault();
    const units = typedAmount(amount.value);
    if (units === null) { say(BAD_AMOUNT, true); amount.focus(); return; }
    if (await act('top-up', { amount: String(units) })) amount.value = '';
  };
  const form = make('form', { onsubmit: topUp }, amount, make('button', { id: 'act-top-up', class: 'button', type: 'submit' }, 'Top up'));
  const group = make('div', { class: 'acts', role: 'group', 'aria-label': 'Act on this stream' },
    button('withdraw', 'Withdraw', 'main'), form, button('pause', 'Pause'), button('resume', 'Resume'),
    button('cancel', 'Cancel stream', 'risky'), result);
  return group;
}

/** Has the right party of the stream do it. The answer comes when the ledger is closed, the change by its event. */
async function actOn(streamId, action, body, group, say) {
  if (group.getAttribute('aria-busy') === 'true') return false;
  group.setAttribute('aria-busy', 'true');
  say('Waiting for the ledger…', false);
  try {
    const receipt = await post(`devnet/streams/${encodeURIComponent(streamId)}/${action}`, body);
    say(`Done in ledger ${receipt.ledger}.`, false);
    return true;
  } catch (error) {
    say(refusalText(error), true);
    return false;
  } finally {
    group.removeAttribute('aria-busy');
  }
}
