// The actions that a local network allows on a stream, taken as the right party. Only actions that the contract would
// accept are offered.

import { amountRule, amountText, big, typedAmount } from './amounts.js';
import { post, refusalText } from './api.js';
import { byId, make, setText } from './dom.js';

const isSteps = ({ schedule }) => schedule.kind === 'steps';

const hasRate = ({ ratePerSecond }) => big(ratePerSecond) > 0n;

/** When the contract accepts each action. A paused stream pays nothing out, a stream with steps takes no further deposit,
    and one that was cancelled, completed or closed accepts no action. At a rate of zero the contract cannot compute an
    end, and fails. An unknown schedule is left for the contract to judge. */
const OFFERED = {
  withdraw: (stream, claimable) => stream.isActive && !stream.isPaused && (claimable === null || claimable > 0n),
  'top-up': stream => stream.isActive && !isSteps(stream) && hasRate(stream),
  pause: stream => stream.isActive && !stream.isPaused,
  resume: stream => stream.isActive && stream.isPaused && (isSteps(stream) || stream.schedule.kind === 'unknown' || hasRate(stream)),
  cancel: stream => stream.isActive,
};

/** The action buttons of one stream. */
export class Acts {
  element;
  #streamId; #tokenAddress; #amount; #result; #over; #buttons = {};

  /** `askFirst` asks for confirmation before an action that cannot be undone. */
  constructor({ streamId, tokenAddress }, askFirst) {
    this.#streamId = streamId;
    this.#tokenAddress = tokenAddress;
    this.#result = make('p', { id: 'act-result', class: 'result', role: 'status', 'aria-live': 'polite', tabindex: '-1' });
    this.#over = make('p', { class: 'soft', hidden: '' }, 'Nothing more can be done with it.');
    this.#amount = make('input', {
      id: 'act-amount', 'aria-label': 'Amount to top up', placeholder: 'Amount', inputmode: 'numeric', autocomplete: 'off',
    });
    const cancel = async () => { if (await askFirst()) this.#act('cancel'); };
    this.element = make('div', { class: 'acts', role: 'group', 'aria-label': 'Act on this stream' },
      this.#button('withdraw', 'Withdraw', 'main', () => this.#act('withdraw')), this.#topUpForm(),
      this.#button('pause', 'Pause', '', () => this.#act('pause')), this.#button('resume', 'Resume', '', () => this.#act('resume')),
      this.#button('cancel', 'Cancel stream', 'risky', cancel), this.#over, this.#result);
  }

  #button(action, label, kind, onclick) {
    this.#buttons[action] = make('button', { id: `act-${action}`, class: `button ${kind}`, type: 'button', onclick }, label);
    return this.#buttons[action];
  }

  #topUpForm() {
    const button = make('button', { id: 'act-top-up', class: 'button', type: 'submit' }, 'Top up');
    this.#buttons['top-up'] = make('form', { onsubmit: submit => this.#topUp(submit) }, this.#amount, button);
    return this.#buttons['top-up'];
  }

  /** Offers the actions that the contract would accept now. */
  offer(stream, claimable) {
    const offered = Object.entries(OFFERED).map(([action, isOffered]) => [this.#buttons[action], isOffered(stream, claimable)]);
    for (const [button, isOffered] of offered) {
      if (!isOffered && button.contains(document.activeElement)) this.#result.focus();
      if (button.hidden === isOffered) button.hidden = !isOffered;
    }
    const isOver = !offered.some(([, isOffered]) => isOffered);
    if (this.#over.hidden === isOver) this.#over.hidden = !isOver;
  }

  async #topUp(submit) {
    submit.preventDefault();
    const units = typedAmount(this.#amount.value, this.#tokenAddress);
    if (units === null || units === 0n) {
      this.#say(units === null ? amountRule(this.#tokenAddress) : 'The amount must be above zero.', true);
      this.#amount.focus();
      return;
    }
    if (await this.#act('top-up', { amount: String(units) })) this.#amount.value = '';
  }

  #say(text, isBad) {
    this.#result.className = isBad ? 'result bad' : 'result good';
    setText(this.#result, text);
  }

  /** Takes an action as the right party. The answer comes when the ledger closes, the change with its event. */
  async #act(action, body = {}) {
    if (this.element.getAttribute('aria-busy') === 'true') return false;
    this.element.setAttribute('aria-busy', 'true');
    this.#say('Waiting for the ledger…', false);
    try {
      const receipt = await post(`devnet/streams/${encodeURIComponent(this.#streamId)}/${action}`, body);
      this.#say(`Done in ledger ${receipt.ledger}.`, false);
      return true;
    } catch (error) {
      this.#say(refusalText(error), true);
      return false;
    } finally {
      this.element.removeAttribute('aria-busy');
    }
  }
}

/** Asks whether to cancel, and says who is paid what; `paid` is null while the claimable amount is unknown. Returns the
    answer. */
export function askToCancel({ streamId, tokenAddress }, paid, left) {
  const dialog = byId('cancel');
  setText(byId('cancel-title'), `Cancel stream ${streamId}?`);
  const [toRecipient, toSender] = paid === null ? ['what can be claimed', 'the rest']
    : [paid, left - paid].map(amount => amountText(String(amount), tokenAddress));
  setText(byId('cancel-effect'), `The recipient is paid ${toRecipient}, the sender gets ${toSender} back, as of now. `
    + 'This cannot be undone.');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(answer => {
    dialog.addEventListener('close', () => answer(dialog.returnValue === 'cancel'), { once: true });
  });
}
