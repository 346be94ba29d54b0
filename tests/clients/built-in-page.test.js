// The page at `/` on a phone: what must hold whatever it looks like.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS } from './harness/condition.js';
import { Program } from './harness/program.js';

let program, browser;
before(async () => {
  [program, browser] = await Promise.all([Program.start(), startChromium()]);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

test('shows live events on a phone, nothing sticks out, and the console is clean', { timeout: LONGEST_MS }, async () => {
  const page = await newPage(browser, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(program.url);
  await page.getByRole('heading').first().waitFor();

  const { streamId } = await program.createStream();
  // The service tells it of a stream that was not there when it was loaded.
  await page.getByText(new RegExp(`(stream|#)\\s*${streamId}\\b`, 'i')).first().waitFor();

  assert.equal(await page.evaluate(() => window.innerWidth), 390);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} px wide`);
  assert.deepEqual(complaints, []);
});
