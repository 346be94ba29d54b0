// Schedules on the page at `/`: words, picture, claimable amounts and actions.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { overflowing, setWidth, tornDigits, WIDTHS } from './harness/layout.js';
import { Program } from './harness/program.js';
import { event, record, stubStreams, stubTime } from './harness/stub-streams.js';

const HUGE = '170141183460469231731687303715884105727';
const DAY = 86_400;

const timeout = LONGEST_MS;
const now = Math.floor(Date.now() / 1_000);
let program, browser;
before(async () => {
  [program, browser] = await Promise.all([Program.start(['--devnet-scenario=false']), startChromium()]);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

const steps = (...all) => ({
  ratePerSecond: '0',
  schedule: { kind: 'steps', steps: all.map(([unlockAmount, unlockTime]) => ({ unlockAmount, unlockTime })) },
});
const cliff = (cliffTime) => ({ schedule: { kind: 'cliff', cliffTime }, cliffTime });
const lump = (cliffTime, cliffAmount) => ({ schedule: { kind: 'cliffLump', cliffTime, cliffAmount }, cliffTime });
const unknown = { schedule: { kind: 'unknown', reason: 'notYetChecked' }, claimableAmount: null, claimableReason: 'notYetChecked' };
const paused = { isPaused: true, status: 'paused', pausedAt: now - 200, endTime: null };
const over = { isActive: false, lastUpdateTime: now - 200, endTime: null };

const STREAMS = {
  1: record(now, { withdrawnAmount: '2000', lastUpdateTime: now - 300, endTime: now + 500 }),
  2: record(now, { ...cliff(now + DAY), endTime: now + DAY }),
  3: record(now, { ...lump(now - 100, '4000'), withdrawnAmount: '3000', endTime: now + 500 }),
  4: record(now, { ...steps(['2000', now - 300], ['3000', now - 100], ['5000', now + DAY]), endTime: now + DAY }),
  5: record(now, steps(['2000', now - 300], ['3000', null], ['1000', now - 200], ['4000', null])),
  6: record(now, { ...unknown, checkedAtLedger: 90 }),
  7: record(now, { ...over, status: 'closed', claimableAmount: null, claimableReason: 'closed', withdrawnAmount: '3000' }),
  8: record(now, { ...paused, ...steps(['2000', now - 300], ['8000', now - 100]), claimableAmount: '2000' }),
  9: record(now, { ...over, status: 'cancelled', withdrawnAmount: '3000' }),
  10: record(now, { schedule: { kind: 'interval', amount: '2500', everySeconds: 200 }, endTime: now + 300 }),
  11: record(now, { ...lump(now + DAY, HUGE), depositedAmount: HUGE, endTime: now + DAY }),
  12: record(now, { ...paused, ratePerSecond: '0' }),
  13: record(now, { isAllowanceBased: true, ratePerSecond: '1', depositedAmount: '0', endTime: now - 500, checkedAtLedger: null }),
  14: record(now, { ...over, ...cliff(now + DAY), status: 'cancelled' }),
};

const flat = (text) => text.replace(/\s+/g, ' ').trim();

async function open(hash, streams = STREAMS, { events = [], ...options } = {}) {
  const page = await newPage(browser, { viewport: { width: 1280, height: 844 }, ...options });
  await stubStreams(page, streams, events);
  await page.goto(`${program.url}/${hash}`);
  return page;
}

async function openStream(page, id) {
  await page.goto(`${program.url}/#stream/${id}`);
  await page.getByRole('heading', { name: `Stream ${id}`, exact: true }).waitFor();
  await page.locator('[data-field=deposited]').getByText('units').waitFor();
}

const textOf = async (page, selector) => flat(await page.locator(selector).innerText());

/** The words about the schedule of each stream, and the dots of its picture; null if it has none. */
const SHOWN = {
  1: [/^Accrues evenly, 10 units a second\.$/, []],
  2: [/^Accrues evenly, 10 units a second, but nothing can be claimed before \d+ \w+ \d+, [\d:]+ \w+\.$/, ['dated']],
  3: [/^4,000 units at once on \d+ \w+ \d+, [\d:]+ \w+, then 10 units a second\.$/, ['open']],
  4: [/^In 3 steps: 2 open, 1 not open yet\.$/, ['open', 'open', 'dated']],
  5: [/^In 4 steps: 1 open, 1 held back by an earlier one, 2 locked, with no date\.$/, ['open', 'locked', 'held', 'locked']],
  7: [/^Accrued evenly, 10 units a second\.$/, []],
  8: [/^In 2 steps: 1 open, 1 due when it is resumed\.$/, ['open', 'due']],
  10: [/^2,500 units after every 3m 20s\.$/, []],
  12: [/^Accrues nothing: its rate is zero\.$/, null],
  13: [/^Accrues evenly, 1 units a second\. It is based on an allowance: it pays out only what was added by top-ups\.$/, null],
  14: [/^Accrued evenly, 10 units a second\. It ended before its cliff on \d+ \w+ \d+, [\d:]+ \w+\.$/, ['void']],
};

test('describes each schedule in words and draws it with a mark at the present', { timeout }, async () => {
  const page = await open('#streams');
  for (const [id, [words, dots]] of Object.entries(SHOWN)) {
    await openStream(page, id);
    assert.match(await textOf(page, '#schedule-words'), words, id);
    const picture = page.locator('#schedule .picture');
    assert.equal(await picture.isVisible(), dots !== null, id);
    if (dots === null) continue;
    const drawn = await picture.locator('.dot').evaluateAll((all) => all.map((dot) => dot.dataset.state));
    assert.deepEqual(drawn, [...dots, 'now'], id);
    assert.equal(await textOf(page, '#schedule .mark'), STREAMS[id].isActive ? 'now' : STREAMS[id].status, id);
  }
  await openStream(page, '5');
  const list = (await page.locator('#schedule .steps li').allInnerTexts()).map(flat);
  assert.match(list[0], /^2,000 units open since \d+ \w+ \d+/);
  assert.deepEqual(list.slice(1), [
    '3,000 units locked until its condition is met, or beyond the year 9999',
    '1,000 units held back until those before it are open',
    '4,000 units locked until its condition is met, or beyond the year 9999',
  ]);
  await openStream(page, '6');
  assert.ok(await page.locator('#schedule').isHidden());
});

test('draws the released amount until the end of a stream', { timeout }, async () => {
  const ended = { ...over, status: 'cancelled' };
  const streams = {
    1: record(now, { ...ended, withdrawnAmount: '3000' }),
    2: record(now, { ...ended, ...steps(['2000', now - 400], ['3000', now - 300], ['5000', now + 500]), withdrawnAmount: '5000' }),
    3: record(now, { ...ended, ...lump(now - 300, '4000'), withdrawnAmount: '5000' }),
  };
  // A slope ends a millisecond before its last unit, which is 0.01 high, and then rises by it.
  const lines = {
    1: 'M0 100L300 70.01L300 70',
    2: 'M0 100L100 100L100 80L200 80L200 50L300 50L300 50',
    3: 'M0 100L250 100L250 60L375 50.01L375 50',
  };
  const page = await open('#streams', streams);
  for (const [id, line] of Object.entries(lines)) {
    await openStream(page, id);
    assert.equal(await page.locator('#schedule .line:not(.later)').getAttribute('d'), line, id);
  }
});

test('clips and overlaps nothing in a schedule, in light and dark, at any width', { timeout }, async () => {
  const colours = [];
  for (const colorScheme of ['light', 'dark']) {
    const page = await open('#streams', STREAMS, { colorScheme });
    await page.locator('tr[data-stream="13"]').waitFor();
    for (const id of [null, '4', '5', '6', '11']) {
      if (id !== null) await openStream(page, id);
      for (const width of WIDTHS) {
        await setWidth(page, width);
        assert.deepEqual([await overflowing(page), await tornDigits(page)], [[], []], `${id} at ${width} px`);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${id} at ${width} px`);
      }
      await setWidth(page, WIDTHS[0]);
    }
    await openStream(page, '4');
    colours.push(await page.locator('#schedule .ready').evaluate((path) => getComputedStyle(path).fill));
  }
  assert.notEqual(...colours);
});

test('the claimable amount jumps at steps and cliffs and otherwise grows continuously', { timeout }, async () => {
  const streams = {
    1: record(now, { ...steps(['2000', now - 300], ['3000', now + 3], ['5000', null]), claimableAmount: '2000' }),
    2: record(now, { ...cliff(now + 3), endTime: now + 500 }),
  };
  const expected = { 1: ['2,000', '2,000', '5,000', '5,000'], 2: ['0', '0', '5,030', '5,040'] };
  for (const [id, amounts] of Object.entries(expected)) {
    const page = await newPage(browser);
    await stubStreams(page, streams);
    await stubTime(page, now);
    await page.clock.install({ time: now * 1_000 });
    await page.clock.pauseAt((now + 1) * 1_000);
    await openStream(page, id);
    // Without a status, the page would stop the clock.
    await page.locator('#readiness[data-ready=true]').waitFor();
    const claimable = () => page.locator('#claimable b').innerText();
    const seen = [await claimable()];
    for (const ms of [2_900, 100, 1_000]) {
      await page.clock.runFor(ms);
      seen.push(await claimable());
    }
    assert.deepEqual(seen, amounts, id);
  }
});

test('says why the claimable amount is unknown, and shows it once it is known', { timeout }, async () => {
  const streams = { 6: STREAMS[6] };
  const page = await open('#streams', streams);
  await page.locator('tr[data-stream="6"]').getByText('not known', { exact: true }).first().waitFor();
  await openStream(page, '6');
  assert.equal(await textOf(page, '#claimable'), 'not known');
  assert.match(await textOf(page, '#claimable-reason'), /^Not known yet: an event changed more than it states, and the contract’s entry/);
  assert.match(await textOf(page, '#stream .keys'), /Claimable or still to come 10,000 units \(100%\)$/);
  streams[6] = STREAMS[4];
  await until('the page asks again by itself', async () => (await textOf(page, '#claimable')).startsWith('5,000 units'));
  assert.ok(await page.locator('#claimable-reason').isHidden());
});

test('the table asks again soon while an entry is still to be read from the chain', { timeout }, async () => {
  const streams = { 6: STREAMS[6] };
  const page = await newPage(browser);
  await stubStreams(page, streams);
  await stubTime(page, now);
  await page.clock.install({ time: now * 1_000 });
  await page.clock.pauseAt((now + 1) * 1_000);
  await page.goto(`${program.url}/#streams`);
  const claimable = page.locator('tr[data-stream="6"] [data-cell=claimable]');
  await claimable.getByText('not known', { exact: true }).waitFor();
  streams[6] = STREAMS[4];
  await page.clock.runFor(7_000);
  await claimable.getByText('5,000').waitFor();
});

test('says when a record was checked, who its arbiter is, and what became of a dispute', { timeout }, async () => {
  const arbiter = `G${'Z'.repeat(55)}`;
  const streams = {
    1: record(now, { arbiter, disputeStatus: 'requested' }),
    2: record(now, { arbiter, disputeStatus: 'rejected', checkedAtLedger: 90 }),
    3: record(now, { checkedAtLedger: null }),
  };
  const page = await open('#streams', streams);
  const field = (name) => textOf(page, `[data-field=${name}]`);
  await openStream(page, '1');
  assert.deepEqual([await field('checked'), await field('dispute')], ['at ledger 120', 'Requested; the arbiter has not decided yet']);
  assert.equal(await field('arbiter'), arbiter);
  await openStream(page, '2');
  assert.deepEqual([await field('checked'), await field('dispute')], ['at ledger 90, not since its last event', 'The arbiter rejected it']);
  await openStream(page, '3');
  assert.equal(await field('checked'), 'not yet');
  assert.ok(await page.locator('[data-field=arbiter]').isHidden());
});

test('offers only actions that the contract would accept', { timeout }, async () => {
  const offered = {
    1: ['withdraw', 'top-up', 'pause', 'cancel'],
    2: ['top-up', 'pause', 'cancel'],
    4: ['withdraw', 'pause', 'cancel'],
    6: ['withdraw', 'top-up', 'pause', 'cancel'],
    7: [],
    8: ['resume', 'cancel'],
    9: [],
    12: ['cancel'],
  };
  const page = await open('#streams');
  for (const [id, actions] of Object.entries(offered)) {
    await openStream(page, id);
    const all = ['withdraw', 'top-up', 'pause', 'resume', 'cancel'];
    const visible = await Promise.all(all.map((action) => page.locator(`#act-${action}`).isVisible()));
    assert.deepEqual(all.filter((_, at) => visible[at]), actions, id);
  }
});

test('shows the new recipient of a transferred stream', { timeout }, async () => {
  const streams = { 1: STREAMS[1] };
  const page = await open('#streams', streams);
  const recipient = page.locator('tr[data-stream="1"] .party').last();
  await recipient.getByText('GDDD…DDDD').waitFor();
  streams[1] = { ...STREAMS[1], recipient: `G${'Q'.repeat(55)}` };
  await page.locator('#streams-status').selectOption('active');
  await recipient.getByText('GQQQ…QQQQ').waitFor();
});

const party = `G${'Y'.repeat(55)}`;
const other = `G${'W'.repeat(55)}`;

/** Events and the sentences that describe them. */
const TOLD = [
  ['stream.created', { creator: 'stepVesting', depositedAmount: '9', stepCount: 4, lastUnlockTime: now }, /^Created stream 1 with 9 units of CEEE…EEEE, in 4 steps until \d/],
  ['stream.created', { creator: 'hybridCliff', depositedAmount: '9', cliffUnlockAmount: '4', cliffTime: now, ratePerSecond: '1' }, /^Created stream 1 with 9 units of CEEE…EEEE: 4 on \d.*, then 1 a second/],
  ['stream.created', { creator: 'allowance', ratePerSecond: '1' }, /^Created stream 1, based on an allowance, 1 units of CEEE…EEEE a second/],
  ['stream.created', { creator: 'stream', depositedAmount: '9', ratePerSecond: '0' }, /^Created stream 1 with 9 units of CEEE…EEEE \d/],
  ['stream.recipient_transferred', { oldRecipient: party, newRecipient: other, settledAmount: '7' }, /^Recipient of stream 1 transferred from GYYY…YYYY to GWWW…WWWW, with 7 units of CEEE…EEEE paid out first/],
  ['stream.recipient_transferred', { oldRecipient: party, newRecipient: other, settledAmount: '0' }, /^Recipient of stream 1 transferred from GYYY…YYYY to GWWW…WWWW \d/],
  ['stream.rate_modified', { oldRatePerSecond: '10', newRatePerSecond: '12' }, /^Changed the rate of stream 1 from 10 to 12 units of CEEE…EEEE a second/],
  ['stream.milestone_unlocked', { milestoneId: 3, amount: '5', caller: party }, /^Milestone 3 of stream 1 met: 5 units of CEEE…EEEE unlocked/],
  ['stream.dispute_requested', { arbiter: party }, /^Sender asked the arbiter GYYY…YYYY to end stream 1/],
  ['stream.dispute_resolved', { arbiter: party, approved: true }, /^Arbiter GYYY…YYYY decided to end stream 1/],
  ['stream.dispute_resolved', { arbiter: party, approved: false }, /^Arbiter GYYY…YYYY decided not to end stream 1/],
  ['stream.closed', { closer: party }, /^Closed stream 1: the contract deleted its record/],
  ['protocol.paused', { caller: party, paused: true }, /^GYYY…YYYY stopped new deposits/],
  ['protocol.paused', { admin: party, isPaused: false }, /^GYYY…YYYY allowed new deposits again/],
  ['protocol.guardian_updated', { admin: party, guardian: other }, /^GWWW…WWWW may stop new deposits/],
  ['protocol.guardian_updated', { admin: party, guardian: null }, /^Nobody but the administrator may stop new deposits/],
  ['protocol.upgraded', { admin: party, newWasmHash: 'cd'.repeat(32) }, /^Contract’s code replaced by cdcd…cdcd/],
  ['protocol.migrated', { admin: party, oldVersion: 1, newVersion: 2 }, /^Contract’s state migrated from version 1 to 2/],
];

test('describes every event of the second version of the contract in plain words', { timeout }, async () => {
  const events = TOLD.map(([type, fields], at) => event(now, at, type, fields));
  const page = await open('#streams', STREAMS, { events });
  const items = page.locator('#log-list li');
  await until('all are shown', async () => (await items.count()) === TOLD.length);
  const told = (await items.locator('> div').allInnerTexts()).map(flat);
  [...TOLD].reverse().forEach(([type, , sentence], at) => assert.match(told[at], sentence, type));
  const types = await page.locator('#log-type option').evaluateAll((all) => all.map(({ value }) => value));
  const { schemas } = (await program.get('/openapi.json')).components;
  assert.deepEqual([...schemas.EventType.enum].sort(), types.filter(Boolean).sort());
});
