// The page: connects its parts.

import { access, endText } from './access.js';
import { narrow, onPlace } from './address-bar.js';
import { count } from './amounts.js';
import { sentence } from './api.js';
import { consoleView } from './console.js';
import { startLocalNetwork } from './create.js';
import { byId, calmMotion, notify, setData, setText } from './dom.js';
import { log } from './log.js';
import { network } from './network.js';
import { SharedFeed } from './shared-feed.js';
import { streamPage } from './stream-page.js';
import { streams } from './streams.js';
import { clock, timeText } from './times.js';
import { callerOf, currentToken, onToken } from './token.js';

const STATES = { connecting: 'Connecting', open: 'Live', reconnecting: 'Reconnecting', denied: 'Sign in', paused: 'Paused while hidden' };

/** A hidden tab closes its connection and leaves it to the other tabs, which the browser slows down less. */
const PAUSE_AFTER_MS = 60_000;

/** Whether the lists have been fetched since the feed began. If the feed resumes, it brings everything new. */
let isFetched = false;

const feed = new SharedFeed({
  state(name) {
    setData(byId('connection'), 'state', name);
    setText(byId('connection-text'), STATES[name]);
    byId('connection-retry').hidden = name !== 'reconnecting';
    if (name !== 'open') showConnectionNote('');
    if ((name === 'reconnecting' || name === 'denied') && !isFetched) fetchAll();
  },
  opened(isResumed) {
    if (isResumed) showConnectionNote('resumed, nothing missed', `at ${timeText(Date.now())}`);
    else fetchAll();
    showPosition();
  },
  events(events) {
    for (const event of events) clock.hear(event.timestamp);
    log.take(events);
    streams.take(events);
    streamPage.take(events);
    showPosition();
  },
  moved: showPosition,
  reset() {
    showConnectionNote(`restarted at ${timeText(Date.now())}`);
    notify('The feed could not resume from the last event, so everything is fetched again.');
    clock.forget();
    network.forget();
    fetchAll();
  },
  revised() {
    notify('A repair added earlier events, so everything is fetched again.');
    fetchAll();
  },
  changed() {
    streams.refetch();
    streamPage.refetch();
  },
  expired(reason) {
    access.ended(reason);
    feed.close('denied');
    showConnectionNote(endText(reason));
  },
  denied(refusal) {
    if (currentToken() !== null) showConnectionNote(sentence(refusal.message));
  },
});

/** On a wide screen the header has one line, which leaves little room for a note. */
function showConnectionNote(text, more = text) {
  setText(byId('connection-note'), text);
  byId('connection-note').title = more;
}

function showPosition() {
  setText(byId('last-event-id'), feed.lastId ?? '–');
  setText(byId('events-seen'), count(feed.seen));
}

function fetchAll() {
  isFetched = true;
  streams.refetch();
  log.refetch();
  streamPage.refetch();
}

/** Forgets what is shown: the caller, or the names of the parties, have changed. */
function clear() {
  log.clear();
  streams.clear();
  streamPage.show(shownRef);
}

function drawAnew() {
  clear();
  fetchAll();
}

/** The caller whose events were last received. It stays the same when the token ends. */
let caller = callerOf(currentToken());

/** Another caller sees other streams. The same caller with another token resumes after the last event. */
function startAnew() {
  const token = currentToken();
  if (callerOf(token) === caller) feed.dropWaiting();
  else feed.forget();
  caller = callerOf(token);
  showPosition();
  network.watch();
  clear();
  consoleView.forget();
  isFetched = false;
  if (feed.lastId !== null) fetchAll();
  feed.open();
}

let shownRef = null;

function titleOf(view, ref) {
  if (view === 'console') return 'Console · ';
  return ref === null ? '' : `Stream ${ref} · `;
}

function setCurrent(link, isCurrent) {
  if (isCurrent) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}

function show({ view, ref, parameters }) {
  const before = shownRef;
  const viewBefore = byId('main').dataset.place;
  shownRef = ref;
  document.title = `${titleOf(view, ref)}FlowFi streams`;
  setData(byId('main'), 'place', view);
  for (const name of ['streams', 'console']) setCurrent(byId(`to-${name}`), view === name);
  streams.show(view === 'streams');
  consoleView.show(view === 'console', parameters);
  if (view === 'streams') streams.open(parameters);
  log.open(parameters);
  showView(parameters.get('show') === 'log' ? 'log' : 'streams');
  if (view === 'console' && viewBefore !== view) scrollTo(0, 0);
  if (ref === before) return;
  streamPage.show(ref);
  if (ref !== null) scrollTo(0, 0);
  else if (view === 'streams') streams.focusOn(before);
}

let pauseTimer;

function changeVisibility() {
  clearTimeout(pauseTimer);
  if (document.hidden) {
    pauseTimer = setTimeout(() => { if (feed.isOpen) feed.close('paused'); }, PAUSE_AFTER_MS);
    return;
  }
  network.tick();
  network.watch();
  if (byId('connection').dataset.state === 'paused') feed.open();
}

/** A narrow screen shows either the streams or the events. */
function showView(name) {
  setData(byId('main'), 'view', name);
  byId('view-log').setAttribute('aria-pressed', String(name === 'log'));
  byId('view-streams').setAttribute('aria-pressed', String(name === 'streams'));
}

function tick() {
  if (document.hidden) return;
  network.tick();
  consoleView.tick();
  if (!clock.isKnown()) return;
  // Tick everything together, so that all parts stop at the time that is shown.
  streams.tick();
  streamPage.tick();
}

function tickOften() {
  if (!document.hidden && clock.isKnown()) streamPage.tick();
}

async function start() {
  byId('skip').addEventListener('click', click => { click.preventDefault(); byId('main').focus(); }); // the hash belongs to the routing
  byId('view-log').addEventListener('click', () => narrow({ show: 'log' }));
  byId('view-streams').addEventListener('click', () => narrow({ show: null }));
  byId('connection-retry').addEventListener('click', () => feed.hurry());
  addEventListener('online', () => feed.hurry());
  document.addEventListener('visibilitychange', changeVisibility);
  addEventListener('pagehide', () => { if (feed.isOpen) feed.close('paused'); }); // the browser's "back" may restore it
  addEventListener('pageshow', changeVisibility);
  onToken(startAnew);
  access.start();
  log.start();
  streams.start();
  consoleView.start();
  network.start();
  if (document.documentElement.dataset.network === 'local') await startLocalNetwork(drawAnew);
  network.watch();
  onPlace(show);
  feed.open();
  setInterval(tick, 1_000);
  setInterval(tickOften, calmMotion.matches ? 1_000 : 100);
}

/** The document says that the page has not started until this removes the line. */
start().then(() => byId('not-started').remove(), failure => {
  setText(byId('not-started'), `This page could not start (${failure}). Reload it.`);
  setData(byId('not-started'), 'failed', '');
  setData(byId('connection'), 'state', 'closed');
  setText(byId('connection-text'), 'Not started');
  throw failure; // the console shows where
});
