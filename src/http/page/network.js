// The state of the network and the index, polled every few seconds.

import { count } from './amounts.js';
import { ask, isDenied, kindly } from './api.js';
import { byId, make, setData, setText } from './dom.js';
import { freshness } from './freshness.js';
import { copyButton, setHomeContract } from './parties.js';
import { clock, dateText, durationText, timeText } from './times.js';

const EVERY_MS = 3_000;
const MOST_ROWS = 50;
const RECENT = 40;

/** The index's position at the last polls, to estimate how long a ledger takes. */
let recent = [];
let shownDetails = '';
let isOpen = false;
let timer;
let rounds = 0;

export const network = {
  start() {
    byId('network-open').addEventListener('click', () => {
      isOpen = !isOpen;
      byId('network-open').setAttribute('aria-expanded', String(isOpen));
      setData(byId('network'), 'open', String(isOpen));
      byId('network-details').hidden = !isOpen;
      network.watch();
    });
  },

  /** Polls now, and then at intervals while the page is visible. */
  async watch() {
    clearTimeout(timer);
    const round = rounds += 1;
    const askedMs = performance.now();
    try {
      if (!document.hidden) show(await ask('v1/status'), askedMs);
    } catch (error) {
      freshness.lose(kindly(error));
      showReasons(isDenied(error) ? [] : [kindly(error)]);
      setData(byId('network'), 'well', 'false');
      if (isDenied(error)) return; // wait for another token
    }
    if (round === rounds) timer = setTimeout(() => network.watch(), EVERY_MS);
  },

  forget() { recent = []; },

  tick() {
    freshness.tick();
    const text = clock.isKnown() ? `${timeText(clock.now())}${clock.standsStill() ? ' · standing still' : ''}` : '–';
    setText(byId('fact-time'), text);
  },
};

function show(status, askedMs) {
  freshness.hear(status, askedMs);
  setHomeContract(status.contractId);
  clock.hear(Date.parse(status.lastWholeLedgerClosedAt) / 1000);
  showReasons(status.reasons);
  showLedgers(status);
  showCoverage(status);
  showDataLoss(status);
  showIndexer(status);
  const { unknown, refused } = status.quarantine;
  const aside = unknown + refused === 0 ? 'every event was read' : `${count(refused)} undecoded, ${count(unknown)} unknown`;
  fact('set-aside', count(unknown + refused), aside, refused > 0);
  showDetails(status);
  showLine(status);
}

/** If all is well, one line is enough. */
function showLine({ reasons, lastWholeLedger, lagLedgers, coverage, holes }) {
  const isWell = reasons.length === 0 && coverage.length > 0 && byId('network-facts').querySelector('[data-tone=bad]') === null;
  setData(byId('network'), 'well', String(isWell));
  const gaps = holes.length === 0 ? 'no holes' : `${many(holes.length, 'hole')} given up`;
  setText(byId('network-line'), isWell ? `Ledger ${known(lastWholeLedger)}, ${known(lagLedgers)} behind the tip, ${gaps}` : '');
}

function fact(name, text, note, isBad = false) {
  const element = byId(`fact-${name}`);
  setText(element, text);
  setText(byId(`note-${name}`), `${isBad ? '⚠ ' : ''}${note}`);
  setData(element.parentElement, 'tone', isBad ? 'bad' : 'plain');
}

const known = number => (number === null ? '–' : count(number));
const many = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
const range = ({ fromLedger, toLedger }) => (fromLedger === toLedger ? count(fromLedger) : `${count(fromLedger)}–${count(toLedger)}`);

function showReasons(reasons) {
  const list = byId('reasons');
  if (list.dataset.said === reasons.join('\n')) return;
  list.dataset.said = reasons.join('\n');
  list.hidden = reasons.length === 0;
  list.replaceChildren(...reasons.map(reason => make('li', {}, `${reason.charAt(0).toUpperCase()}${reason.slice(1)}`)));
}

function showLedgers({ lastWholeLedger, tipLedger, lagLedgers, lagSeconds, reasons }) {
  setText(byId('fact-ledger'), known(lastWholeLedger));
  if (lagLedgers === null) {
    fact('lag', '–', tipLedger === null ? 'no tip known yet' : `unknown; last known tip ${known(tipLedger)}`, tipLedger !== null);
    return;
  }
  const isLate = reasons.some(reason => reason.includes('behind the tip'));
  const seconds = lagSeconds ? `${durationText(lagSeconds)} ` : '';
  // The tip is asked for now and then, and may be older than the last ledger read.
  const tip = tipLedger === null ? null : Math.max(tipLedger, lastWholeLedger ?? 0);
  fact('lag', many(lagLedgers, 'ledger'), `${seconds}behind tip ${known(tip)}`, isLate);
}

function showCoverage({ coverage, holes }) {
  const open = holes.filter(hole => !hole.accepted).length;
  const seen = coverage.reduce((sum, { fromLedger, toLedger }) => sum + toLedger - fromLedger + 1, 0);
  const whole = { fromLedger: coverage[0]?.fromLedger, toLedger: coverage.at(-1)?.toLedger };
  const givenUp = holes.length - open;
  const said = holes.length === 0 ? 'no holes' : `${many(holes.length, 'hole')}${givenUp ? `, ${givenUp} given up` : ''}`;
  fact('coverage', coverage.length ? many(seen, 'ledger') : 'nothing yet', coverage.length ? `${range(whole)}, ${said}` : said, open > 0);
}

function secondsPerLedger({ lastWholeLedger, lastWholeLedgerClosedAt }) {
  const closedAt = Date.parse(lastWholeLedgerClosedAt);
  if (!Number.isFinite(closedAt)) return null;
  recent = [...recent, { ledger: lastWholeLedger, closedAt }].slice(-RECENT);
  const ledgers = lastWholeLedger - recent[0].ledger;
  return ledgers >= 3 ? (closedAt - recent[0].closedAt) / 1000 / ledgers : null;
}

function showDataLoss(status) {
  const left = status.ledgersToDataLoss;
  const pace = secondsPerLedger(status);
  if (left === null) { fact('data-loss', '–', 'not known yet'); return; }
  const time = left > 0 && pace !== null ? `≈ ${durationText(Math.round(left * pace))}` : many(Math.max(left, 0), 'ledger');
  const note = left > 0 ? 'if indexing stopped now' : 'the source has dropped some';
  fact('data-loss', time, left > 0 && pace !== null ? `${many(left, 'ledger')} from now` : note, left <= 0);
}

function showIndexer({ indexer, endpoints, hasWriter }) {
  const ready = endpoints.filter(({ state }) => state === 'ready').length;
  // Only operators are shown the endpoints.
  const notes = [
    ...(endpoints.length > 0 ? [`${ready} of ${many(endpoints.length, 'endpoint')} ready`] : []),
    ...(hasWriter ? [] : ['no writer']),
  ];
  fact('indexer', indexer?.state ?? 'not there', notes.join(', ') || '\u00a0', indexer === null || !hasWriter);
}

/** Details for people who investigate a fault; updated only if they changed. */
function showDetails(status) {
  if (!isOpen) { shownDetails = ''; return; }
  const { network: net, contractId, coverage, holes, endpoints, upgrades, indexer } = status;
  const states = endpoints.map(({ state, latestLedger }) => [state, latestLedger]);
  const text = JSON.stringify([net, coverage, holes, states, upgrades, indexer?.detail]);
  if (text === shownDetails) return;
  shownDetails = text;
  const ranges = [
    ...coverage.map(item => ({ ...item, is: `seen (${item.source})` })),
    ...holes.map(item => ({ ...item, is: item.accepted ? 'hole, given up' : 'hole' })),
  ].sort((a, b) => a.fromLedger - b.fromLedger);
  byId('network-details').replaceChildren(
    ...part('Network', rowsOf([net?.passphrase ?? 'not known yet', ...(net?.epoch ? [`epoch ${net.epoch}`] : [])], line => line)),
    ...part('Contract', [make('li', {}, copyButton(contractId, 'contract address', true))]),
    ...part('Ledgers', rowsOf(ranges, item => `${range(item)}: ${item.is}`)),
    ...part('Endpoints', rowsOf(endpoints, endpointText)),
    ...part('The indexer says', indexer?.detail ? [make('li', {}, indexer.detail)] : []),
    ...part('The contract’s code was replaced', rowsOf(upgrades, upgradeText)));
}

const upgradeText = ({ ledger, ledgerClosedAt }) => `in ledger ${count(ledger)}, ${dateText(Date.parse(ledgerClosedAt) / 1000)}`;

/** A list with its title; nothing if it is empty. */
const part = (title, items) => (items.length > 0 ? [make('div', {}, make('h3', {}, title), make('ul', {}, ...items))] : []);

/** A list of lines; only the newest ones if there are too many. */
function rowsOf(items, text) {
  const kept = items.slice(-MOST_ROWS).map(item => make('li', {}, text(item)));
  return kept.length < items.length ? [make('li', { class: 'soft' }, `${count(items.length - kept.length)} more before`), ...kept] : kept;
}

function endpointText({ host, state, latestLedger, latencyMs, lastFailure, failures }) {
  const failure = lastFailure ? `, ${many(failures, 'failure')}, the last: ${lastFailure}` : '';
  return `${host}: ${state}, at ${known(latestLedger)}, ${latencyMs ?? '–'} ms${failure}`;
}
