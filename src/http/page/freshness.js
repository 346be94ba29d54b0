// How old everything on the page is: "As of ledger N, m seconds ago". The server reports the age, and a clock that
// nobody can set keeps counting, so that the age never stops while the server is away.

import { count } from './amounts.js';
import { byId, setData, setText } from './dom.js';
import { clock, durationText, timeText } from './times.js';

/** After this long without an answer, nothing is known about the index any more. */
const SILENT_AFTER_MS = 10_000;

/** Ages of the same ledger differ by up to this much, because of rounding and the time that an answer takes. */
const JITTER_MS = 2_000;

const IN_WORDS_UP_TO_SECONDS = 120;

const READINESS = { true: '✓ Ready', false: '! Not to be relied on', unknown: '? Unknown' };

/** The newest ledger that the page knows, and when it closed on the scale of `performance.now()`. */
let ledger = null;
let closedAtMs = null;

/** The last answer: when it was requested, and why the index cannot be relied on. */
let answeredMs = null;
let reasons = [];

/** What went wrong at the last attempt. */
let failure = null;

export const freshness = {
  /** Records a status that was requested at `askedMs`: the time that the answer took counts. */
  hear(status, askedMs) {
    if (answeredMs !== null && askedMs < answeredMs) return;
    const age = status.lastWholeLedgerClosedSecondsAgo;
    const closedMs = age === null ? null : askedMs - age * 1000;
    const isKnown = status.lastWholeLedger === ledger && closedMs !== null && closedAtMs !== null;
    const isSteady = isKnown && Math.abs(closedMs - closedAtMs) <= JITTER_MS;
    if (!isSteady) closedAtMs = closedMs;
    ledger = status.lastWholeLedger;
    answeredMs = askedMs;
    reasons = status.reasons;
    failure = null;
    this.tick();
  },

  /** Records why there is no status. It is shown at the next tick, together with everything that it stops. */
  lose(why) { failure = why; },

  tick() {
    const isReady = isUnknown() ? 'unknown' : String(reasons.length === 0);
    for (const id of ['freshness', 'readiness']) setData(byId(id), 'ready', isReady);
    for (const id of ['freshness-state', 'readiness']) setText(byId(id), READINESS[isReady]);
    setText(byId('freshness-age'), ageText());
    setText(byId('freshness-why'), whyText());
    showAsOf();
  },
};

/** While there is no answer, nothing changes: everything shown is dimmed and labelled with its time. */
function showAsOf() {
  clock.isHeld = isUnknown();
  const isOld = clock.isHeld && clock.isKnown();
  setData(document.documentElement, 'old', String(isOld));
  const text = isOld ? `as of ${timeText(clock.now())}` : '';
  for (const element of document.querySelectorAll('.as-of')) setText(element, text);
}

const isUnknown = () => failure !== null || answeredMs === null || performance.now() - answeredMs > SILENT_AFTER_MS;

function ageText() {
  if (ledger === null) return answeredMs === null ? 'No ledger known yet' : 'No ledger indexed yet';
  if (closedAtMs === null) return `As of ledger ${count(ledger)}`;
  return `As of ledger ${count(ledger)}, ${agoText(performance.now() - closedAtMs)}`;
}

function agoText(ms) {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  if (seconds > IN_WORDS_UP_TO_SECONDS) return `${durationText(seconds)} ago`;
  return `${seconds} second${seconds === 1 ? '' : 's'} ago`;
}

/** The first reason not to rely on the index, or why that is unknown. */
function whyText() {
  if (isUnknown()) {
    if (answeredMs === null) return failure ?? 'Asking the indexer…';
    return `${failure ?? 'Waiting for an answer.'} Last heard ${agoText(performance.now() - answeredMs)}.`;
  }
  const [first, ...more] = reasons;
  if (first === undefined) return '';
  return `${first.charAt(0).toUpperCase()}${first.slice(1)}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
}
