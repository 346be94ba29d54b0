// The table of streams: one page of the server's list at a time, fetched again when an event affects what it shows.

import { narrow, open } from './address-bar.js';
import { count } from './amounts.js';
import { ask, kindly, withQuery } from './api.js';
import { byId, flash, make, setText } from './dom.js';
import { concerns, keyOf, local, short } from './parties.js';
import { Refetch } from './refetch.js';
import { fillRow, makeRow, rowKey, tickRow } from './row.js';
import { awaitsEntry, CHECKED_WITHIN_MS } from './standing.js';
import { clock } from './times.js';
import { seesNothing, seesOwnOnly, SIGN_IN } from './token.js';

const LIMIT = 25;
/** Streams end, and start to match a filter, without an event. */
const ANYWAY_EVERY_MS = 30_000;

const refetch = new Refetch(load, 1_000, failed);
let rows = new Map();
/** The request in the address bar. `at` is the cursor of the page with this number. */
let view = readView(new URLSearchParams());
let page = null;
let isShown = true;
let isStale = false;
let askedAtMs = 0;

export const streams = {
  start() {
    for (const button of sortButtons()) button.addEventListener('click', () => sortBy(button.dataset.sort));
    byId('streams-sort').addEventListener('input', input => {
      const [sort, order] = input.target.value.split(' ');
      change({ sort, order });
    });
    byId('streams-status').addEventListener('input', input => change({ status: input.target.value }));
    byId('streams-token').addEventListener('input', input => change({ token: input.target.value }));
    byId('streams-find').addEventListener('submit', find);
    byId('streams-subject').addEventListener('input', input => {
      input.target.setCustomValidity('');
      if (input.target.value === '') change({ user: null });
    });
    byId('streams-next').addEventListener('click', turnOn);
    byId('streams-previous').addEventListener('click', turnBack);
    showView();
    setInterval(() => { if (!document.hidden && isShown && page !== null) refetch.ask(); }, ANYWAY_EVERY_MS);
  },

  /** Shows what the address bar requests. */
  open(parameters) {
    const next = readView(parameters);
    if (JSON.stringify(next) === JSON.stringify(view)) return;
    view = next;
    showView();
    byId('streams-table').setAttribute('aria-busy', 'true');
    refetch.now();
  },

  /** Fetches the page again. */
  refetch() { refetch.now(); },

  /** Forgets what only another caller may see. */
  clear() {
    rows = new Map();
    page = null;
    knownTokens.clear();
    byId('streams-rows').replaceChildren();
    for (const id of ['streams-table', 'streams-pages', 'streams-failure']) byId(id).hidden = true;
    setText(byId('streams-count'), '');
    setText(byId('streams-note'), 'Loading the streams…');
    byId('streams-note').hidden = false;
  },

  /** Handles events from the feed: fetches only if they may affect this page. */
  take(events) {
    if (!events.some(mayConcern)) return;
    if (isShown) refetch.ask();
    else isStale = true;
  },

  /** Shows or hides the table. While hidden, it fetches nothing. */
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
    askAgain();
    if (isShown) for (const row of rows.values()) if (row.stream.isActive && !row.stream.isPaused) tickRow(row);
  },
};

/** The orders that only the creation of a stream changes. */
const FIXED_ORDERS = new Set(['createdAt', 'startTime']);

/** Whether an event may change which streams this page lists, or what it says about them. */
function mayConcern(event) {
  if (rows.has(keyOf(event))) return true;
  if (event.streamId === null) return false;
  const { token, user, status, sort } = view;
  if (token && event.tokenAddress !== null && event.tokenAddress !== token) return false;
  if (user && !concerns(event, user)) return false;
  if (status || user || !FIXED_ORDERS.has(sort)) return true;
  return view.page === 1 && event.type === 'stream.created';
}

/** Asks again while the indexer still has to read entries of the contract. */
function askAgain() {
  if (!isShown || page === null || performance.now() < askedAtMs + CHECKED_WITHIN_MS) return;
  if (page.data.some(awaitsEntry)) refetch.ask();
}

const sortButtons = () => byId('streams-table').querySelectorAll('[data-sort]');

function readView(parameters) {
  const token = parameters.get('token') ?? '';
  const [sort, order] = (parameters.get('sort') ?? 'createdAt.desc').split('.');
  // Amounts of different tokens cannot be compared.
  const isSortable = sort !== 'depositedAmount' || token !== '';
  const page = Math.max(Number.parseInt(parameters.get('page'), 10) || 1, 1);
  return {
    sort: isSortable ? sort : 'createdAt', order: isSortable ? order : 'desc', token, page: parameters.has('at') ? page : 1,
    status: parameters.get('status') ?? '', user: parameters.get('user') ?? '', at: parameters.get('at'),
  };
}

function sortBy(sort) {
  const order = view.sort === sort && view.order === 'desc' ? 'asc' : 'desc';
  change({ sort, order: view.sort !== sort && sort === 'endTime' ? 'asc' : order });
}

/** Another list starts with its first page. */
function change({ sort = view.sort, order = view.order, ...others }) {
  const isUsual = sort === 'createdAt' && order === 'desc';
  narrow({ ...others, sort: isUsual ? null : `${sort}.${order}`, page: null, at: null }, { state: null });
}

/** The cursors of the previous pages are kept in the history entry: a link to one page does not know them. */
const trail = () => history.state?.trail ?? [];

function turnOn() {
  narrow({ page: String(view.page + 1), at: page.nextCursor }, { state: { trail: [...trail(), view.at] } });
}

function turnBack() {
  const before = trail().at(-1) ?? null;
  const number = before === null ? null : String(view.page - 1);
  narrow({ page: number, at: before }, { state: { trail: trail().slice(0, -1) } });
}

/** The tokens seen so far, which can be chosen. */
const knownTokens = new Set();

function showTokens() {
  const select = byId('streams-token');
  const all = new Set([...knownTokens, ...(view.token ? [view.token] : [])]);
  if (select.length !== all.size + 1) {
    select.replaceChildren(make('option', { value: '' }, 'All tokens'), ...[...all].map(token => make('option', { value: token }, short(token))));
  }
  select.value = view.token;
}

function showView() {
  for (const button of sortButtons()) {
    const isThis = button.dataset.sort === view.sort;
    const word = view.order === 'asc' ? 'ascending' : 'descending';
    button.closest('th').setAttribute('aria-sort', isThis ? word : 'none');
  }
  const isOneToken = view.token !== '';
  const deposit = byId('streams-table').querySelector('[data-sort=depositedAmount]');
  deposit.disabled = !isOneToken;
  deposit.title = isOneToken ? '' : 'Choose a token first: amounts of different tokens cannot be compared.';
  for (const option of byId('streams-sort').options) option.disabled = option.value.startsWith('deposited') && !isOneToken;
  byId('streams-sort').value = `${view.sort} ${view.order}`;
  byId('streams-status').value = view.status;
  showTokens();
  const subject = byId('streams-subject');
  if (document.activeElement !== subject) subject.value = local.names.get(view.user) ?? view.user;
}

/** A number opens the stream; an address shows the streams that it sends or receives. */
function find(submit) {
  submit.preventDefault();
  const subject = byId('streams-subject');
  const text = subject.value.trim().replace(/^#/, '');
  const named = local.accounts.find(({ name }) => name === text.toLowerCase());
  const isNumber = /^(C[A-Z2-7]{55}:)?\d{1,20}$/.test(text);
  const isAddress = /^[GC][A-Z2-7]{55}$/.test(text);
  subject.setCustomValidity(text === '' || named || isNumber || isAddress ? '' : 'Enter a stream’s number or a complete address.');
  if (!subject.reportValidity()) return;
  if (isNumber) open(`#stream/${text}`);
  else change({ user: named?.address ?? text });
}

async function load(signal) {
  askedAtMs = performance.now();
  const { user, status, token, sort, order, at } = view;
  const query = { limit: LIMIT, user, status, token, sort, order, cursor: at };
  page = await ask(withQuery('v1/streams', query), { signal });
  clock.hear(page.data[0]?.calculatedAt);
  for (const { tokenAddress } of page.data) knownTokens.add(tokenAddress);
  showTokens();
  place(page.data);
  byId('streams-table').setAttribute('aria-busy', 'false');
  show();
}

/** Puts the rows in order. Existing rows keep their elements, so that the focus stays where it is. */
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
  setText(isEmpty ? byId('streams-note') : byId('streams-failure'), isEmpty ? kindly(error) : `${kindly(error)} The data shown may be old.`);
  byId('streams-failure').hidden = isEmpty;
  byId('streams-note').hidden = !isEmpty;
}

function emptyText() {
  if (seesNothing()) return SIGN_IN;
  if (view.status || view.user || view.token) return 'No stream matches.';
  if (seesOwnOnly) return 'There is no stream that you may see: with a token you see the streams that its account sends or receives.';
  const more = local.accounts.length ? 'Create the first one.' : 'It will appear here as soon as the contract creates one.';
  return `There are no streams yet. ${more}`;
}

function show() {
  const { data, total, totalCapped, hasMore } = page;
  const first = (view.page - 1) * LIMIT;
  const of = `${count(total)}${totalCapped ? ' and more' : ''}`;
  byId('streams-failure').hidden = true;
  byId('streams-table').hidden = data.length === 0;
  byId('streams-note').hidden = data.length > 0;
  setText(byId('streams-note'), emptyText());
  setText(byId('streams-count'), seesNothing() ? '' : of);
  byId('streams-pages').hidden = !hasMore && view.page === 1;
  setText(byId('streams-range'), data.length ? `${count(first + 1)}–${count(first + data.length)} of ${of}` : '');
  byId('streams-next').disabled = !hasMore;
  byId('streams-previous').disabled = view.page === 1;
}
