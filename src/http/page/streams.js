// The table of streams: one page of the server's list at a time, fetched anew when an event touches what it shows.

import { count } from './amounts.js';
import { ask, kindly, withQuery } from './api.js';
import { byId, flash, setText } from './dom.js';
import { keyOf, local } from './parties.js';
import { Refetch } from './refetch.js';
import { fillRow, makeRow, rowKey, tickRow } from './row.js';
import { clock } from './times.js';

const LIMIT = 25;
/** Streams end, and fall under a filter, without an event. */
const ANYWAY_EVERY_MS = 30_000;

const refetch = new Refetch(load, 1_000, failed);
let rows = new Map();
let view = { sort: 'createdAt', order: 'desc', status: '', user: '' };
/** The cursors of this page and of those before it. */
let cursors = [null];
let page = null;
let isShown = true;
let isStale = false;

export const streams = {
  start() {
    for (const button of byId('streams-table').querySelectorAll('[data-sort]')) {
      button.addEventListener('click', () => sortBy(button.dataset.sort));
    }
    byId('streams-sort').addEventListener('input', input => {
      const [sort, order] = input.target.value.split(' ');
      change({ sort, order });
    });
    byId('streams-status').addEventListener('input', input => change({ status: input.target.value }));
    byId('streams-find').addEventListener('submit', find);
    byId('streams-subject').addEventListener('input', input => {
      input.target.setCustomValidity('');
      if (input.target.value === '') change({ user: '' });
    });
    byId('streams-next').addEventListener('click', () => turn([...cursors, page.nextCursor]));
    byId('streams-previous').addEventListener('click', () => turn(cursors.slice(0, -1)));
    setInterval(() => { if (!document.hidden && isShown && page !== null) refetch.ask(); }, ANYWAY_EVERY_MS);
  },

  /** Fetches the page anew. */
  refetch() { refetch.now(); },

  /** Forgets what was somebody else's to see. */
  clear() {
    rows = new Map();
    page = null;
    cursors = [null];
    byId('streams-rows').replaceChildren();
    for (const id of ['streams-table', 'streams-pages', 'streams-failure']) byId(id).hidden = true;
    setText(byId('streams-count'), '');
    setText(byId('streams-note'), 'Loading the streams…');
    byId('streams-note').hidden = false;
  },

  /** Takes what the feed brought: only what is on this page, or may come to be, is fetched. */
  take(events) {
    const mayAppear = cursors.length === 1 && events.some(event => event.type === 'stream.created');
    if (!mayAppear && !events.some(event => rows.has(keyOf(event)))) return;
    if (isShown) refetch.ask();
    else isStale = true;
  },

  /** Shows or hides the table; a hidden one fetches nothing. */
  show(isWanted) {
    isShown = isWanted;
    byId('streams').hidden = !isWanted;
    if (isWanted && isStale) refetch.ask();
    isStale = false;
  },

  focusOn(ref) {
    byId('streams-rows').querySelector(`[data-stream="${CSS.escape(ref)}"] a.id`)?.focus();
  },

  tick() {
    if (isShown) for (const row of rows.values()) if (row.stream.isActive && !row.stream.isPaused) tickRow(row);
  },
};

function sortBy(sort) {
  const order = view.sort === sort && view.order === 'desc' ? 'asc' : 'desc';
  change({ sort, order: view.sort !== sort && sort === 'endTime' ? 'asc' : order });
}

function change(changes) {
  const before = JSON.stringify(view);
  view = { ...view, ...changes };
  if (JSON.stringify(view) === before) return;
  showOrder();
  turn([null]);
}

function showOrder() {
  for (const button of byId('streams-table').querySelectorAll('[data-sort]')) {
    const isThis = button.dataset.sort === view.sort;
    const word = view.order === 'asc' ? 'ascending' : 'descending';
    button.closest('th').setAttribute('aria-sort', isThis ? word : 'none');
  }
  byId('streams-sort').value = `${view.sort} ${view.order}`;
}

/** A number opens the stream, an address shows the streams that it has part in. */
function find(submit) {
  submit.preventDefault();
  const subject = byId('streams-subject');
  const text = subject.value.trim().replace(/^#/, '');
  const named = local.accounts.find(({ name }) => name === text.toLowerCase());
  const isNumber = /^(C[A-Z2-7]{55}:)?\d{1,20}$/.test(text);
  const isAddress = /^[GC][A-Z2-7]{55}$/.test(text);
  subject.setCustomValidity(text === '' || named || isNumber || isAddress ? '' : 'A stream’s number, or a whole address.');
  if (!subject.reportValidity()) return;
  if (isNumber) location.hash = `#stream/${text}`;
  else change({ user: named?.address ?? text });
}

function turn(next) {
  cursors = next;
  byId('streams-table').setAttribute('aria-busy', 'true');
  refetch.now();
}

async function load(signal) {
  const { user, status, sort, order } = view;
  const query = { limit: LIMIT, user, status, sort, order, cursor: cursors.at(-1) };
  page = await ask(withQuery('v1/streams', query), { signal });
  clock.hear(page.data[0]?.calculatedAt);
  place(page.data);
  byId('streams-table').setAttribute('aria-busy', 'false');
  show();
}

/** Puts the rows in order. Rows that are there stay the same elements, so that the focus stays where it is. */
function place(data) {
  const body = byId('streams-rows');
  const isSamePage = rows.size > 0 && byId('streams-table').getAttribute('aria-busy') !== 'true';
  const next = new Map();
  for (const stream of data) {
    const known = rows.get(keyOf(stream));
    const row = known ?? makeRow(stream);
    const isNew = fillRow(row, stream);
    if (isSamePage && (isNew || !known)) flash(row.element);
    next.set(rowKey(row), row);
  }
  for (const [key, row] of rows) if (!next.has(key)) row.element.remove();
  [...next.values()].forEach(({ element }, at) => {
    if (body.children[at] !== element) body.insertBefore(element, body.children[at] ?? null);
  });
  rows = next;
}

function failed(error) {
  byId('streams-table').setAttribute('aria-busy', 'false');
  const isEmpty = rows.size === 0;
  setText(isEmpty ? byId('streams-note') : byId('streams-failure'), isEmpty ? kindly(error) : `${kindly(error)} What is shown may be old.`);
  byId('streams-failure').hidden = isEmpty;
  byId('streams-note').hidden = !isEmpty;
}

function emptyText() {
  if (view.status || view.user) return 'No stream fits.';
  const more = local.accounts.length ? 'Create the first one.' : 'It appears here as soon as the contract makes one.';
  return `There is no stream yet. ${more}`;
}

function show() {
  const { data, total, totalCapped, hasMore } = page;
  const first = (cursors.length - 1) * LIMIT;
  const of = `${count(total)}${totalCapped ? ' and more' : ''}`;
  byId('streams-failure').hidden = true;
  byId('streams-table').hidden = data.length === 0;
  byId('streams-note').hidden = data.length > 0;
  setText(byId('streams-note'), emptyText());
  setText(byId('streams-count'), of);
  byId('streams-pages').hidden = !hasMore && cursors.length === 1;
  setText(byId('streams-range'), data.length ? `${count(first + 1)}–${count(first + data.length)} of ${of}` : '');
  byId('streams-next').disabled = !hasMore;
  byId('streams-previous').disabled = cursors.length === 1;
}
