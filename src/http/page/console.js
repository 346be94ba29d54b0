// The console: one subscription of the visitor's choice, with everything it receives.

import { narrow } from './address-bar.js';
import { Refusal, sentence } from './api.js';
import { afterOf, curlLine, isSendable, queryOf } from './console-filter.js';
import { byId, make, setData, setText } from './dom.js';
import { KINDS } from './kinds.js';
import { copy } from './parties.js';
import { RawList } from './raw-list.js';
import { subscribe } from './subscription.js';
import { durationText } from './times.js';

const KEEP = 500;
const TEXTS = ['streams', 'users', 'contract', 'after'];
const FLAGS = ['all', 'strict'];

const list = new RawList(byId('console-blocks'), byId('console-scroll'), KEEP, showCount);
const form = byId('console-form');
let parameters = new URLSearchParams();
/** The open subscription, if any. */
let current = null;
let lastId = null;
let heartbeatAtMs = null;

export const consoleView = {
  start() {
    for (const [type, { label }] of Object.entries(KINDS)) {
      const box = make('input', { type: 'checkbox', name: 'types', value: type });
      byId('console-types').append(make('label', { class: 'choice', title: type }, box, label));
    }
    form.addEventListener('input', () => narrow(readForm(), { isTyping: true }));
    form.addEventListener('submit', connect);
    byId('console-disconnect').addEventListener('click', () => disconnect('Disconnected.'));
    byId('console-clear').addEventListener('click', () => list.clear());
    byId('console-after-last').addEventListener('click', () => narrow({ after: lastId }, { isTyping: true }));
    byId('console-copy').addEventListener('click', () => copy(byId('console-curl').textContent));
  },

  /** Shows the console with the filter in the address bar, or hides it. An open subscription stays open. */
  show(isWanted, wanted) {
    byId('console').hidden = !isWanted;
    if (!isWanted) return;
    if (current === null) parameters = wanted;
    showForm();
  },

  /** Forgets what only another caller may see. */
  forget() {
    disconnect('Not connected.');
    lastId = null;
    showOpen();
    list.clear();
  },

  tick() { setText(byId('console-heartbeat'), heartbeatText()); },
};

function readForm() {
  const types = [...form.elements.types].filter(({ checked }) => checked).map(({ value }) => value);
  return {
    ...Object.fromEntries(TEXTS.map(name => [name, form.elements[name].value])),
    ...Object.fromEntries(FLAGS.map(name => [name, form.elements[name].checked ? 'true' : null])),
    types: types.join(','),
  };
}

function showForm() {
  for (const name of TEXTS) {
    const text = parameters.get(name) ?? '';
    if (form.elements[name].value !== text) form.elements[name].value = text;
  }
  for (const name of FLAGS) form.elements[name].checked = parameters.get(name) === 'true';
  const types = new Set((parameters.get('types') ?? '').split(','));
  for (const box of form.elements.types) box.checked = types.has(box.value);
  setText(byId('console-curl'), curlLine(parameters));
}

async function connect(submit) {
  submit.preventDefault();
  if (current !== null) return;
  const after = afterOf(parameters);
  if (!isSendable(after)) { say('An id has no spaces, and only characters that occur in an event stream.', 'denied'); return; }
  const { signal } = current = new AbortController();
  heartbeatAtMs = null;
  showOpen();
  say('Connecting', 'connecting');
  try {
    const retryMs = await subscribe(queryOf(parameters), { lastId: after, signal, take: blocks => take(blocks, signal) });
    if (!signal.aborted) disconnect(retryMs === null ? 'Ended by the service.' : `Ended by the service, which asks to wait ${retryMs} ms.`);
  } catch (error) {
    if (!signal.aborted) disconnect(failureText(error), 'denied');
  }
}

function failureText(error) {
  if (error instanceof Refusal) {
    const where = error.parameter === null ? '' : `, parameter ${error.parameter}`;
    return `Refused with ${error.status}${where}: ${sentence(error.message)}`;
  }
  return 'The connection broke, or the indexer does not answer.';
}

function disconnect(text, state = 'closed') {
  current?.abort();
  current = null;
  say(text, state);
  showOpen();
}

function take(blocks, signal) {
  if (signal.aborted || blocks.length === 0) return;
  say('Connected', 'open');
  for (const { id, data } of blocks) {
    if (id !== null) lastId = id;
    else if (data === null) heartbeatAtMs = performance.now();
  }
  byId('console-after-last').hidden = lastId === null;
  list.add(blocks);
}

function say(text, state) {
  setText(byId('console-state-text'), text);
  setData(byId('console-state'), 'state', state);
}

/** While a subscription is open, the form shows its filter. */
function showOpen() {
  const isOpen = current !== null;
  byId('console-fields').disabled = isOpen;
  byId('console-connect').disabled = isOpen;
  byId('console-disconnect').disabled = !isOpen;
  byId('console-after-last').disabled = isOpen;
  byId('console-after-last').hidden = lastId === null;
  consoleView.tick();
}

function showCount() {
  const text = list.countText;
  setText(byId('console-count'), text);
  byId('console-none').hidden = text !== '';
}

function heartbeatText() {
  if (current === null) return '';
  if (heartbeatAtMs === null) return 'No heartbeat yet';
  return `Heartbeat ${durationText(Math.floor((performance.now() - heartbeatAtMs) / 1000))} ago`;
}
