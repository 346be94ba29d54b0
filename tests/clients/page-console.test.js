// The console of the page at `/`: one subscription, with everything that arrives, unchanged.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { overflowing, setWidth, tornDigits, WIDTHS } from './harness/layout.js';
import { Program } from './harness/program.js';
import { tokenOf } from './harness/token.js';

const timeout = LONGEST_MS;
const ARGS = ['--auth=optional', '--visibility=public', '--devnet-scenario=false', '--heartbeat=1s'];
let program, browser, one, other;
before(async () => {
  [program, browser] = await Promise.all([Program.start(ARGS), startChromium()]);
  one = await program.createStream();
  other = await program.createStream();
  await program.indexedStream(other.streamId);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

async function open(hash = '#console') {
  const page = await newPage(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(`${program.url}/${hash}`);
  await page.locator('#connection').getByText('Live', { exact: true }).waitFor();
  return page;
}

const streamsOf = (page) => page.getByRole('textbox', { name: 'Streams' });
const state = (page) => page.locator('#console-state');
const blocks = (page, kind) => page.locator(`#console-blocks li[data-kind="${kind}"] pre`);
const curl = (page) => page.locator('#console-curl').innerText();

async function connect(page) {
  await page.locator('#console-connect').click();
  await state(page).getByText('Connected', { exact: true }).waitFor();
}

/** Runs a command line in a shell until its output matches, then ends it and returns the output. */
function printedByShell(line, pattern, env) {
  return new Promise((resolve, reject) => {
    let printed = '';
    const child = execFile('bash', ['-c', `exec ${line}`], { env: { ...process.env, ...env } }, (error) => {
      if (pattern.test(printed)) resolve(printed);
      else reject(new Error(`${line} printed ${printed}: ${error?.message}`));
    });
    child.stdout.on('data', (text) => {
      printed += text;
      if (pattern.test(printed)) child.kill();
    });
  });
}

test('shows a subscription unchanged: notices, events, bare ids, and the age of the heartbeat', { timeout }, async () => {
  const page = await open();
  await streamsOf(page).fill(one.streamId);
  await connect(page);
  await blocks(page, 'notice').getByText(/^retry: \d+|event: connected/).first().waitFor();
  const [id] = await program.topUp(one);
  const event = blocks(page, 'event').filter({ hasText: id });
  await event.waitFor();
  assert.match(await event.innerText(), /^(id|event|data): .*\n(id|event|data): .*\n(id|event|data): /);
  await page.getByText(/^Heartbeat \d+s ago$/).waitFor();
  await blocks(page, 'heartbeat').first().waitFor();
  await program.topUp(other);
  await blocks(page, 'id only').first().waitFor();
  for (const text of await blocks(page, 'event').allInnerTexts()) assert.match(text, new RegExp(`"streamId":"${one.streamId}"`));
});

test('disconnects, clears, and starts after the last id with nothing missed', { timeout }, async () => {
  const page = await open(`#console?streams=${one.streamId}`);
  const before = await program.connections();
  await connect(page);
  await page.locator('#console-disconnect').click();
  await state(page).getByText('Disconnected.').waitFor();
  await until('the subscription has ended', async () => (await program.connections()) === before);
  await page.locator('#console-clear').click();
  assert.equal(await page.locator('#console-blocks li').count(), 0);
  const missed = await program.topUp(one);
  await page.locator('#console-after-last').click();
  assert.match(await page.getByLabel('Start after the id').inputValue(), /^\d{19}-\d{10}/);
  await connect(page);
  for (const id of missed) await blocks(page, 'event').filter({ hasText: id }).waitFor();
});

test('the address bar keeps the filter', { timeout }, async () => {
  const page = await open();
  await streamsOf(page).fill('1, 2');
  await page.getByLabel('Withdrawn', { exact: true }).check();
  await page.getByLabel('Refuse streams').check();
  const copy = await open(new URL(page.url()).hash);
  assert.equal(await streamsOf(copy).inputValue(), '1, 2');
  assert.ok(await copy.getByLabel('Withdrawn', { exact: true }).isChecked());
  assert.ok(await copy.getByLabel('Refuse streams').isChecked());
  await copy.getByRole('link', { name: 'Streams', exact: true }).click();
  await copy.locator('#streams').waitFor();
  await copy.getByRole('link', { name: 'Console' }).click();
  assert.equal(await streamsOf(copy).inputValue(), '1, 2');
});

test('the command line gets the same events, and contains no token', { timeout }, async () => {
  const token = tokenOf(program);
  const page = await open();
  await page.locator('#token-open').click();
  await page.locator('#token').fill(token);
  await page.locator('#token').press('Enter');
  await streamsOf(page).fill(`${one.streamId}, ${other.streamId}`);
  await page.getByLabel('Topped up', { exact: true }).check();
  await page.getByLabel('Start after the id').fill(one.events[0]);
  const id = new RegExp((await program.topUp(other)).join('|'));
  await connect(page);
  await blocks(page, 'event').filter({ hasText: id }).first().waitFor();

  const line = await curl(page);
  assert.ok(!line.includes(token) && !line.includes(token.split('.')[2]), line);
  assert.match(line, /-H "authorization: Bearer \$TOKEN"/);
  assert.match(await printedByShell(line, id, { TOKEN: token }), /^event: stream\.topped_up$/m);
});

test('the command line runs nothing that was typed into a field', { timeout }, async () => {
  const page = await open();
  await streamsOf(page).fill("1';echo oops;'$(echo oops)");
  await page.getByLabel('Start after the id').fill("x';echo oops;'");
  const line = (await curl(page)).replace(/^curl -N/, 'printf %s\\\\n');
  const printed = await printedByShell(line, /subscribe\?streams=1.*\n/);
  assert.match(printed, /^Last-Event-ID: x';echo oops;'$/m);
  assert.doesNotMatch(printed, /^oops/m);
});

test('says why a subscription was refused', { timeout }, async () => {
  const page = await open('#console?streams=nonsense');
  await page.locator('#console-connect').click();
  await state(page).getByText(/^Refused with 400, parameter streams: .*nonsense/).waitFor();
  assert.ok(await page.locator('#console-connect').isEnabled());
});

const isFooterLast = () => {
  const end = document.querySelector('footer').getBoundingClientRect().bottom + window.scrollY;
  return document.documentElement.scrollHeight <= Math.max(end + 1, window.innerHeight);
};

test('keeps its parts inside their boxes, at any width', { timeout }, async () => {
  const page = await open('#console?all=true');
  await connect(page);
  await program.topUp(one);
  await blocks(page, 'event').first().waitFor();
  for (const width of WIDTHS) {
    await setWidth(page, width);
    assert.deepEqual(await tornDigits(page), [], `at ${width} px`);
    assert.ok(await page.evaluate(isFooterLast), `no part overlaps the next, at ${width} px`);
    assert.deepEqual(await overflowing(page), [], `at ${width} px`);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `at ${width} px`);
  }
});

test('counts one block in the singular, and opens at its top', { timeout }, async () => {
  const page = await open(`#stream/${one.streamId}`);
  await page.setViewportSize({ width: 1280, height: 320 });
  await page.locator('#timeline li').first().waitFor();
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.getByRole('link', { name: 'Console' }).click();
  await page.locator('#console').waitFor();
  assert.equal(await page.evaluate(() => scrollY), 0);
  const block = 'event: connected\ndata: {"unknownStreams":[]}\n\n';
  await page.route('**/events/subscribe?**', (route) => route.fulfill({ contentType: 'text/event-stream', body: block }));
  await page.locator('#console-connect').click();
  await page.locator('#console-count').getByText('1 block shown', { exact: true }).waitFor();
});

test('the header stays one line high when a note appears', { timeout }, async () => {
  const page = await open('#');
  const height = () => page.locator('.bar').evaluate((bar) => bar.offsetHeight);
  const before = await height();
  await page.evaluate(() => { document.getElementById('connection-note').textContent = 'resumed at 09:15:33 GMT+05:30, nothing missed'; });
  assert.equal(await height(), before);
});
