// One stream's page: its amounts at this moment, its record, and everything that happened to it.

import { Acts, askToCancel } from './acts.js';
import { amountText, big, digitsOf, unitText, unitWord } from './amounts.js';
import { ask, kindly, withQuery } from './api.js';
import { divisionOf } from './division.js';
import { byId, make, notify, setData, setText } from './dom.js';
import { EventList } from './event-list.js';
import { badgeElement, digitsElement, meterElement, moneyElement, setBadge, setDigits, setMeter, setMoney } from './meter.js';
import { copyButton, keyOf, local, setParty } from './parties.js';
import { Refetch } from './refetch.js';
import { ScheduleCard } from './schedule-card.js';
import {
  awaitsEntry, CHECKED_WITHIN_MS, checkedText, claimableOf, disputeText, lastsText, leftOf, reasonText, statusAt,
} from './standing.js';
import { clock, dateText, durationText } from './times.js';
import { seesNothing, SIGN_IN } from './token.js';

const PAGE = 50;
const KEEP = 500;

const FIELDS = [
  ['sender', 'Sender'], ['recipient', 'Recipient'], ['arbiter', 'Arbiter'], ['dispute', 'Dispute'], ['deposited', 'Deposited'],
  ['rate', 'Rate'], ['lasts', 'Runs out in'], ['ends', 'Runs out at'], ['started', 'Started'], ['updated', 'Accrues since'],
  ['pausedAt', 'Paused at'], ['pausedFor', 'Was paused for'], ['checked', 'Checked with the chain'], ['token', 'Token'],
  ['contract', 'Contract'],
];

/** The schedules that have a rate, and those that accrue from the last update on. */
const FLOWS = new Set(['linear', 'cliff', 'cliffLump']);
const FROM_UPDATE = new Set(['linear', 'cliff', 'interval']);

/** Addresses need a line of their own on a narrow screen. */
const LONG = new Set(['sender', 'recipient', 'arbiter', 'token', 'contract']);

const refetch = new Refetch(load, 1_000, failed);
/** What is open: `ref` as in the address bar, and the rest once it is known. */
let open = null;

export const streamPage = {
  /** Opens a stream, or closes the page. */
  show(ref) {
    refetch.stop();
    open = ref === null ? null : { ref, stream: null, parts: null, timeline: null, askedAtMs: 0 };
    byId('stream').hidden = ref === null;
    byId('stream').replaceChildren();
    if (ref === null) return;
    showNote(ref, make('p', { class: 'note', role: 'status' }, 'Loading the stream…'));
    refetch.now();
  },

  /** Fetches the stream and its events again. */
  refetch() {
    if (open === null) return;
    open.timeline = null;
    refetch.now();
  },

  take(events) {
    if (!open?.stream) return;
    const own = events.filter(event => keyOf(event) === keyOf(open.stream));
    if (own.length === 0) return;
    if (open.timeline?.add(own, true)) open.parts.older.hidden = false;
    refetch.ask();
  },

  tick() {
    if (open?.stream && open.parts) tick();
  },
};

async function load(signal) {
  const opened = open;
  opened.askedAtMs = performance.now();
  const path = `v1/streams/${encodeURIComponent(opened.ref)}`;
  const wantsEvents = opened.timeline === null;
  const [stream, events] = await Promise.all([
    ask(path, { signal }),
    wantsEvents ? ask(withQuery(`${path}/events`, { limit: PAGE }), { signal }) : null,
  ]);
  if (opened !== open) return;
  clock.hear(stream.calculatedAt);
  open.stream = stream;
  if (open.parts === null) build(stream);
  if (events) startTimeline(events);
  fill();
}

function failed(error) {
  if (open === null) return;
  if (open.stream !== null && error.status !== 404) { notify(`${kindly(error)} The data shown may be old.`, true); return; }
  const again = make('button', { class: 'button', type: 'button', onclick: () => refetch.now() }, 'Try again');
  open.stream = open.parts = open.timeline = null;
  showNote(open.ref, make('div', { class: 'note', role: 'alert' }, make('p', {}, failureText(error)), again));
}

/** A stream that the caller may not see gets the same answer as one that does not exist. */
function failureText(error) {
  return error.status === 404 && seesNothing() ? SIGN_IN : kindly(error);
}

function head(ref, ...more) {
  return make('div', { class: 'head' }, make('h2', { id: 'stream-title', tabindex: '-1' }, `Stream ${ref}`), ...more,
    make('span', { class: 'as-of' }),
    make('a', { class: 'end', href: '#' }, 'All streams'));
}

function showNote(ref, note) {
  byId('stream').replaceChildren(head(ref), note);
  byId('stream-title').focus({ preventScroll: true });
}

const keyElement = () => make('span', { class: 'key' }, make('span'), ' ', digitsElement(''), ' ', make('span'));

/** Shows the amount of a part of the deposit. */
function setKey(key, { kind, label, amount, share }, tokenAddress) {
  const [name, digits, rest] = key.children;
  key.hidden = kind !== 'withdrawn' && amount === 0n;
  setData(key, 'kind', kind);
  setText(name, label);
  setDigits(digits, digitsOf(amount, tokenAddress));
  setText(rest, `${unitWord(tokenAddress)} (${share})`.trim());
}

function makeParts(stream) {
  const parts = {
    badge: badgeElement(), claimable: moneyElement(), meter: meterElement(), warned: make('p', { class: 'warned', hidden: '' }),
    reason: make('p', { id: 'claimable-reason', hidden: '' }), schedule: new ScheduleCard(),
    at: make('span', { class: 'soft' }), keys: [keyElement(), keyElement(), keyElement()],
    timeline: make('ul', { class: 'timeline', id: 'timeline' }),
    none: make('p', { class: 'note', hidden: '' }, 'No event of this stream is indexed.'),
    older: make('div', { class: 'more', hidden: '' },
      make('button', { class: 'button', type: 'button', id: 'timeline-older', onclick: loadOlder }, 'Older events')),
  };
  for (const [name] of FIELDS) parts[name] = make('dd', { 'data-field': name });
  if (local.contractId === stream.contractId) parts.acts = new Acts(stream, askFirst);
  parts.token.append(copyButton(stream.tokenAddress, 'token address', true));
  parts.contract.append(copyButton(stream.contractId, 'contract address', true));
  return parts;
}

function build(stream) {
  const parts = open.parts = makeParts(stream);
  parts.claimable.id = 'claimable';
  parts.badge.id = 'stream-status';
  const field = ([name, label]) => make('div', { class: LONG.has(name) ? 'long' : '' }, make('dt', {}, label), parts[name]);
  byId('stream').replaceChildren(head(stream.streamId, parts.badge), parts.warned,
    make('div', { class: 'big' }, make('p', {}, 'Claimable now ', parts.at), parts.claimable, parts.reason,
      parts.meter, make('p', { class: 'keys' }, ...parts.keys)),
    parts.schedule.element,
    ...(parts.acts ? [parts.acts.element] : []),
    make('dl', { class: 'fields' }, ...FIELDS.map(field)),
    make('h3', { class: 'part', id: 'timeline-title' }, 'Timeline'), parts.timeline, parts.none, parts.older);
  byId('stream-title').focus({ preventScroll: true });
}

function startTimeline({ events, hasMore }) {
  open.parts.timeline.replaceChildren();
  open.timeline = new EventList(open.parts.timeline, KEEP);
  open.timeline.add(events);
  open.parts.older.hidden = !hasMore;
}

async function loadOlder(click) {
  const opened = open;
  const button = click.currentTarget;
  button.disabled = true;
  try {
    const path = `v1/streams/${encodeURIComponent(opened.ref)}/events`;
    const { events, hasMore } = await ask(withQuery(path, { limit: PAGE, cursor: opened.timeline.lastId }));
    if (opened === open) {
      opened.timeline.add(events);
      opened.parts.older.hidden = !hasMore;
    }
  } catch (error) {
    notify(kindly(error), true);
  }
  button.disabled = false;
}

function doubts({ unverified, impossibleOrder }) {
  const all = [
    unverified && 'An event that this indexer does not know affected the stream: its record may be incomplete.',
    impossibleOrder && 'Its events came in an order that the contract does not allow.',
  ];
  return all.filter(Boolean).join(' ');
}

/** Asks for confirmation before the open stream is cancelled. */
function askFirst() {
  const { stream } = open;
  return askToCancel(stream, claimableOf(stream, clock.now()), leftOf(stream));
}

/** An amount of this stream's token, for one of the fields. */
function fieldAmount(amount, rest = '') {
  const { tokenAddress } = open.stream;
  return make('span', { class: 'line' }, digitsElement(digitsOf(amount, tokenAddress)), ' ',
    make('span', { class: 'unit' }, unitText(tokenAddress)), rest);
}

function fill() {
  const { parts, stream } = open;
  const rate = big(stream.ratePerSecond);
  parts.deposited.replaceChildren(fieldAmount(big(stream.depositedAmount)));
  const rates = [fieldAmount(rate, ' a second'), fieldAmount(rate * 86_400n, ' a day')];
  parts.rate.replaceChildren(...(FLOWS.has(stream.schedule.kind) ? rates : ['–']));
  setText(parts.ends, dateText(stream.endTime));
  setText(parts.started, dateText(stream.startTime));
  setText(parts.updated, stream.isActive && FROM_UPDATE.has(stream.schedule.kind) ? dateText(stream.lastUpdateTime) : '–');
  setText(parts.pausedAt, dateText(stream.pausedAt));
  setText(parts.pausedFor, stream.totalPausedDuration ? durationText(stream.totalPausedDuration) : '–');
  setText(parts.checked, checkedText(stream));
  setText(parts.dispute, disputeText(stream));
  for (const name of ['sender', 'recipient', 'arbiter']) setParty(parts[name], stream[name], true);
  setText(parts.reason, reasonText(stream));
  parts.reason.hidden = parts.reason.textContent === '';
  setText(parts.warned, doubts(stream));
  parts.warned.hidden = parts.warned.textContent === '';
  parts.none.hidden = open.timeline === null || open.timeline.length > 0;
  tick();
  for (const [name] of FIELDS) parts[name].parentElement.hidden = parts[name].textContent === '–';
}

/** Asks again while the indexer still has to read the contract’s entry. */
function askAgain() {
  if (!awaitsEntry(open.stream) || performance.now() < open.askedAtMs + CHECKED_WITHIN_MS) return;
  refetch.ask();
}

function tick() {
  const { parts, stream } = open;
  const now = clock.now();
  askAgain();
  const claimable = claimableOf(stream, now);
  const division = divisionOf(stream, claimable);
  setMoney(parts.claimable, claimable, stream.tokenAddress, unitText(stream.tokenAddress));
  setMeter(parts.meter, stream, division);
  division.forEach((part, at) => setKey(parts.keys[at], part, stream.tokenAddress));
  parts.acts?.offer(stream, claimable);
  setBadge(parts.badge, statusAt(stream, now));
  setText(parts.lasts, lastsText(stream, now));
  parts.schedule.show(stream, now);
  setText(parts.at, clock.standsStill() ? '(the ledger is standing still)' : '');
}
