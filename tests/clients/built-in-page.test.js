// The page at `/`: what must hold whatever its design.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newContext, newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';

let program, browser;
before(async () => {
  [program, browser] = await Promise.all([Program.start(), startChromium()]);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

test('shows live events on a phone, without overflow and with a clean console', { timeout: LONGEST_MS }, async () => {
  const page = await newPage(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(program.url);
  await page.getByRole('heading').first().waitFor();

  const { streamId } = await program.createStream();
  // The service sends the page a stream that did not exist when the page was loaded.
  await page.getByText(new RegExp(`(stream|#)\\s*${streamId}\\b`, 'i')).first().waitFor();

  assert.equal(await page.evaluate(() => window.innerWidth), 390);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} px wide`);
  assert.deepEqual(complaints, []);
});

test('shows the age of its data by the server’s clock, and keeps counting while the server is away', { timeout: LONGEST_MS }, async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => { Date.now = () => 0; });
  const freshness = page.locator('#freshness');
  const shows = (what, pattern) => until(what, async () => pattern.exec((await freshness.innerText()).replace(/\s+/g, ' ')));
  await page.goto(program.url);
  await shows('the age of a ready index', /^✓ Ready As of ledger [\d,]+, \d seconds? ago$/);

  const status = '**/v1/status';
  await page.route(status, (route) => route.abort());
  const away = /^\? Unknown As of ledger ([\d,]+), (\d+) seconds? ago The indexer does not answer\. Last heard \d+ seconds? ago\.$/;
  const [, ledger, before] = await shows('that the indexer does not answer', away);
  await until('the age keeps counting', async () => {
    const [, still, seconds] = await shows('that the indexer does not answer', away);
    assert.equal(still, ledger);
    return Number(seconds) >= Number(before) + 3;
  });

  await page.unroute(status);
  const reasons = ['40 ledgers behind the tip', 'the source has been away for 95 s'];
  await page.route(status, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), lastWholeLedgerClosedSecondsAgo: 250, reasons } });
  });
  await shows('why it is not ready', /^! Not to be relied on As of ledger [\d,]+, 4m 1\ds ago 40 ledgers behind the tip \(and 1 more\)$/);
  await page.unroute(status);
  await shows('that it is ready again', /^✓ Ready As of ledger [\d,]+, \d seconds? ago$/);
});

test('does not take an unknown notice for an event', { timeout: LONGEST_MS }, async () => {
  const page = await newPage(browser);
  const frames = [
    'event: connected\ndata: {"epoch":0,"unknownStreams":[]}\n\n',
    'event: resume\ndata: {"reason":"slow"}\n\n',
    'event: of.a.newer.version\ndata: {"reason":"slow"}\n\n',
  ];
  let answered = 0;
  await page.route('**/events/subscribe?**', (route) => {
    answered += 1;
    // The second connection comes after the end of the first, so the page has read all frames of the first.
    if (answered > 1) return new Promise(() => undefined);
    return route.fulfill({ status: 200, contentType: 'text/event-stream', body: frames.join('') });
  });
  await page.goto(`${program.url}/`);
  await until('the page connects again', () => answered > 1);
  assert.equal(await page.locator('#events-seen').innerText(), '0');
  await page.context().close();
});

test('waits a while, whatever time an answer asks for', { timeout: LONGEST_MS }, async () => {
  for (const retry of ['0', '99999999999999']) {
    const page = await newPage(browser);
    let asked = 0;
    let polled = 0;
    await page.route('**/events/subscribe?**', (route) => {
      asked += 1;
      return route.fulfill({ status: 200, contentType: 'text/event-stream', body: `retry: ${retry}\ndata: {}\n\n` });
    });
    page.on('request', (request) => { if (request.url().endsWith('/v1/status')) polled += 1; });
    await page.goto(`${program.url}/`);
    // The page asks for the status every three seconds.
    await until('the page was open for a while', () => polled >= 3);
    assert.ok(asked >= 1 && asked <= 100, `${asked} requests after retry: ${retry}`);
    await page.context().close();
  }
});

/** The budget of a visitor where nobody says otherwise. */
const USUAL_BUDGET = ['--requests-per-second=20', '--requests-burst=200'];
const TABS = 6;

/** Waits until a page shows its streams, its events and that it is live. */
async function untilAlive(page) {
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('#streams-rows tr').first().waitFor();
  await page.locator('#log-list li').first().waitFor();
}

test('six tabs at once stay within a visitor’s budget, and a second visit asks for almost nothing', { timeout: LONGEST_MS }, async () => {
  const limited = await Program.start(USUAL_BUDGET);
  try {
    const context = await newContext(browser);
    const refused = [];
    context.on('response', (response) => { if (response.status() === 429) refused.push(response.url()); });
    const tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()));
    await Promise.all(tabs.map((page) => page.goto(limited.url)));
    await Promise.all(tabs.map(untilAlive));
    assert.deepEqual(refused, []);

    const asked = [];
    tabs[0].on('request', (request) => { if (!request.url().includes('/v1/status')) asked.push(new URL(request.url()).pathname); });
    await tabs[0].reload();
    await untilAlive(tabs[0]);
    assert.ok(asked.length <= 8, `a second visit asked for ${asked.join(' ')}`);
    await context.close();
  } finally {
    await limited.stop();
  }
});

test('a local network that did not answer at first is asked again', { timeout: LONGEST_MS }, async () => {
  const page = await newPage(browser);
  let refusals = 2;
  await page.route('**/devnet/accounts', (route) => {
    refusals -= 1;
    return refusals >= 0 ? route.fulfill({ status: 429, body: 'slow down' }) : route.continue();
  });
  await page.goto(program.url);
  await page.getByRole('button', { name: 'New stream' }).waitFor();
  await page.locator('#streams-rows').getByText('alice').first().waitFor();
  await page.context().close();
});
