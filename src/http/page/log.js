// The live log: the latest events that match the filter, first from the lists, then from the feed.

import { narrow } from './address-bar.js';
import { count } from './amounts.js';
import { ask, kindly, withQuery } from './api.js';
import { byId, make, setText } from './dom.js';
import { EventList } from './event-list.js';
import { KINDS, spoken } from './kinds.js';
import { concerns, local } from './parties.js';
import { Refetch } from './refetch.js';
import { seesNothing, SIGN_IN } from './token.js';

const KEEP = 100;
const FIRST = 50;
const SPEAK_EVERY_MS = 10_000;

const list = new EventList(byId('log-list'), KEEP);
const refetch = new Refetch(load, 1_000, failed);
const held = { isOn: false, events: [], total: 0 };
const speech = { total: 0, latest: null };
let state = 'loading';
let filter = { type: '', about: '', stream: null, address: null, isWrong: false };

export const log = {
  start() {
    for (const [type, { label }] of Object.entries(KINDS)) byId('log-type').append(make('option', { value: type }, label));
    byId('log-type').addEventListener('input', input => narrow({ type: input.target.value }));
    byId('log-subject').addEventListener('input', input => narrow({ about: input.target.value }, { isTyping: true }));
    byId('log-hold').addEventListener('click', () => hold(!held.isOn));
    setInterval(speak, SPEAK_EVERY_MS);
  },

  /** Shows the events that the address bar requests. */
  open(parameters) {
    const type = parameters.get('type') ?? '';
    const about = parameters.get('about') ?? '';
    if (filter.type !== type || filter.about !== about) changeFilter(type, about);
  },

  /** Fetches the latest events again. */
  refetch() { refetch.now(); },

  /** Forgets what only another caller may see. */
  clear() {
    hold(false);
    list.clear();
    state = 'loading';
    show();
  },

  /** Adds events from the feed. */
  take(events) {
    const fitting = events.filter(fits);
    if (fitting.length === 0) return;
    speech.total += fitting.length;
    speech.latest = fitting.at(-1);
    if (held.isOn) keepHeld(fitting);
    else list.add(fitting, true);
    show();
  },
};

/** Interprets typed text: a stream's number with or without its contract, an address, or a name on the local network.
    */
function readSubject(text) {
  const subject = text.trim().replace(/^#/, '');
  if (subject === '') return {};
  if (/^(C[A-Z2-7]{55}:)?\d{1,20}$/.test(subject)) return { stream: subject };
  if (/^[GC][A-Z2-7]{55}$/.test(subject)) return { address: subject };
  const named = local.accounts.find(({ name }) => name === subject.toLowerCase());
  return named ? { address: named.address } : { isWrong: true };
}

function changeFilter(type, about) {
  const subject = byId('log-subject');
  filter = { stream: null, address: null, isWrong: false, type, about, ...readSubject(about) };
  byId('log-type').value = type;
  if (subject.value !== about) subject.value = about;
  subject.setAttribute('aria-invalid', String(filter.isWrong));
  hold(false);
  list.clear();
  state = filter.isWrong ? 'wrong' : 'loading';
  if (filter.isWrong) refetch.stop();
  else refetch.now();
  show();
}

function fits(event) {
  if (filter.isWrong || (filter.type && event.type !== filter.type)) return false;
  if (filter.stream !== null) return event.streamId === filter.stream || `${event.contractId}:${event.streamId}` === filter.stream;
  return filter.address === null || concerns(event, filter.address);
}

async function load(signal) {
  const { type, stream, address } = filter;
  const path = stream === null ? 'v1/events' : `v1/streams/${encodeURIComponent(stream)}/events`;
  const { events } = await ask(withQuery(path, { limit: FIRST, type, address }), { signal });
  list.clear();
  list.add(events);
  state = 'shown';
  show();
}

function failed(error) {
  state = `failed: ${kindly(error)}`;
  show();
}

/** Freezes the list so that it can be read. Nothing is lost meanwhile except what would have scrolled off. */
function hold(isOn) {
  held.isOn = isOn;
  byId('log-hold').setAttribute('aria-pressed', String(isOn));
  if (!isOn) {
    list.add(held.events);
    list.leftOut += held.total - held.events.length;
    Object.assign(held, { events: [], total: 0 });
  }
  show();
}

function keepHeld(events) {
  held.total += events.length;
  held.events = [...held.events, ...events].slice(-KEEP);
}

const NOTES = {
  loading: 'Loading the events…',
  wrong: 'That is neither a stream’s number nor a complete address.',
  shown: 'No matching events yet. New ones will appear here.',
  unseen: SIGN_IN,
};

/** How many events are shown, and how many arrived but are not shown. */
function countText() {
  const leftOut = list.leftOut > 0 ? `, ${count(list.leftOut)} older left out` : '';
  return list.length > 0 ? `${list.length} shown${leftOut}` : '';
}

function show() {
  const heldText = held.total ? `${count(held.total)} held back` : 'held';
  setText(byId('log-count'), held.isOn ? heldText : countText());
  setText(byId('log-note'), NOTES[seesNothing() && state === 'shown' ? 'unseen' : state] ?? state.replace('failed: ', ''));
  byId('log-note').hidden = list.length > 0 && (state === 'shown' || state === 'loading');
}

/** Screen readers get a summary now and then: they would never finish reading a live list. */
function speak() {
  if (speech.latest === null) return;
  const others = speech.total > 1 ? `${count(speech.total)} new events, the last one: ` : '';
  setText(byId('log-spoken'), `${others}${spoken(speech.latest)}`);
  Object.assign(speech, { total: 0, latest: null });
}
