// The network card of the page at `/`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { NARROWEST, overflowing, setWidth, sideways, WIDTHS } from './harness/layout.js';
import { Program } from './harness/program.js';

const timeout = LONGEST_MS;
const STATUS = '**/v1/status';
let program, browser;
before(async () => {
  [program, browser] = await Promise.all([Program.start(), startChromium()]);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

/** From this width on, in px, the card needs one line while all is well. */
const FITS_ONE_LINE = 390;
/** How far apart the middles of texts on one line can be, in px. */
const OF_ONE_LINE = 8;

/** Returns how many lines of text the card has. */
async function linesOf(page) {
  const middles = await page.locator('#network').evaluate((card) => {
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    const rects = [];
    while (walker.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      if (walker.currentNode.data.trim()) rects.push(...range.getClientRects());
    }
    return rects.map(({ top, bottom }) => (top + bottom) / 2);
  });
  middles.sort((a, b) => a - b);
  return middles.filter((middle, at) => at === 0 || middle - middles[at - 1] > OF_ONE_LINE).length;
}

test('is one line while all is well, opens on a click, and opens by itself when something is wrong', { timeout }, async () => {
  const page = await newPage(browser, { viewport: { width: 1280, height: 844 } });
  await page.goto(program.url);
  const facts = page.locator('#network-facts');
  await until('all is well', async () => (await page.locator('#network').getAttribute('data-well')) === 'true');
  for (const width of WIDTHS) {
    await setWidth(page, width);
    assert.ok(await facts.isHidden());
    if (width >= FITS_ONE_LINE) assert.equal(await linesOf(page), 1, `at ${width} px`);
  }
  for (const width of [...WIDTHS, NARROWEST]) {
    await setWidth(page, width);
    assert.equal(await sideways(page), 0, `at ${width} px`);
    assert.deepEqual(await overflowing(page), [], `at ${width} px`);
  }
  await setWidth(page, 1280);
  await page.getByText(/^Ledger [\d,]+, \d+ behind the tip, no holes$/).waitFor();

  await page.locator('#network-open').click();
  await facts.waitFor();
  await page.locator('#network-open').click();
  await facts.waitFor({ state: 'hidden' });

  await page.route(STATUS, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), reasons: ['40 ledgers behind the tip'] } });
  });
  await facts.waitFor();
  await page.locator('#reasons').getByText('40 ledgers behind the tip').waitFor();
  await page.unroute(STATUS);
  await facts.waitFor({ state: 'hidden' });
});

test('says nothing of endpoints that it is not shown, and no tip below the last ledger', { timeout }, async () => {
  const page = await newPage(browser, { viewport: { width: 1280, height: 844 } });
  await page.route(STATUS, async (route) => {
    const response = await route.fetch();
    const status = { endpoints: [], tipLedger: 2_824, lastWholeLedger: 2_825, lagLedgers: 0, upgrades: [] };
    await route.fulfill({ response, json: { ...(await response.json()), ...status } });
  });
  await page.goto(program.url);
  await page.locator('#network-open').click();
  await page.locator('#note-lag').getByText('behind tip 2,825').waitFor();
  await page.getByRole('heading', { name: 'Contract' }).waitFor();
  assert.doesNotMatch(await page.locator('#network').innerText(), /endpoint/i);
});

test('shows no lag while nobody knows the tip', { timeout }, async () => {
  const page = await newPage(browser, { viewport: { width: 1280, height: 844 } });
  await page.route(STATUS, async (route) => {
    const response = await route.fetch();
    const status = { tipLedger: 2_825, lastWholeLedger: 2_825, lagLedgers: null, lagSeconds: null, reasons: ['the source has been away for 200 s'] };
    await route.fulfill({ response, json: { ...(await response.json()), ...status } });
  });
  await page.goto(program.url);
  await page.locator('#note-lag').getByText('⚠ unknown; last known tip 2,825').waitFor();
  assert.equal(await page.locator('#fact-lag').innerText(), '–');
});
