// The page at `/` when its script does not run, or fails while it starts: the visitor is told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS } from './harness/condition.js';
import { Program } from './harness/program.js';

const timeout = LONGEST_MS;
let program, browser;
before(async () => {
  [program, browser] = await Promise.all([Program.start(['--devnet-scenario=false']), startChromium()]);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

const line = (page) => page.locator('#not-started');
const connection = (page) => page.locator('#connection-text').innerText();

test('says at once that JavaScript is switched off, and does not claim to connect', { timeout }, async () => {
  const page = await newPage(browser, { javaScriptEnabled: false });
  await page.goto(program.url);
  assert.match(await line(page).innerText(), /has not started.*JavaScript is switched off/s);
  assert.notEqual(await connection(page), 'Connecting');
});

test('says after a while that its script has stopped', { timeout }, async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => { window.matchMedia = undefined; });
  await page.goto(program.url);
  assert.ok(await line(page).isHidden(), 'a page that is still starting says nothing');
  await line(page).filter({ hasText: 'This page has not started.' }).waitFor();
  assert.doesNotMatch(await line(page).innerText(), /switched off/);
  assert.notEqual(await connection(page), 'Connecting');
});

test('says why it could not start', { timeout }, async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => { window.addEventListener = () => { throw new Error('no such thing'); }; });
  await page.goto(program.url);
  await line(page).filter({ hasText: 'This page could not start (Error: no such thing).' }).waitFor();
  assert.equal(await connection(page), 'Not started');
});

test('says nothing of the kind once it has started', { timeout }, async () => {
  const page = await newPage(browser);
  await page.goto(program.url);
  await line(page).waitFor({ state: 'detached' });
  await page.getByText('Live', { exact: true }).waitFor();
});
