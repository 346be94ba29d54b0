// The page at `/`: what the address bar keeps, how many events a burst leaves out, and which buttons it offers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';

const timeout = LONGEST_MS;
const A_ZONE = /\d\d:\d\d:\d\d (UTC|GMT[+-]\d+)/;
const SHOWN_AT_MOST = 100;
const A_BURST = 120;
/** Streams that exist in events only need the older contract, whose events tell everything about a stream. */
const ARGS = ['--devnet-scenario=false', '--devnet-contract-code=a'];
let program, browser, accounts, running, paused, cancelled;
before(async () => {
  [program, browser] = await Promise.all([Program.start(ARGS), startChromium()]);
  ({ accounts } = await program.get('/devnet/accounts'));
  running = await program.createStream();
  paused = await program.createStream(accounts[2].address);
  cancelled = await program.createStream(accounts[2].address);
  await program.post(`/devnet/streams/${paused.streamId}/pause`, {});
  await program.post(`/devnet/streams/${cancelled.streamId}/cancel`, {});
  await until('all streams are indexed', async () => {
    const { data } = await program.get('/v1/streams');
    return data.map(({ status }) => status).join() === 'cancelled,paused,active';
  });
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

async function open(hash = '') {
  const page = await newPage(browser, { viewport: { width: 1280, height: 900 }, timezoneId: 'Asia/Kolkata' });
  await page.goto(`${program.url}/${hash}`);
  await page.getByText('Live', { exact: true }).waitFor();
  return page;
}

const fieldsOf = (tokenAddress) => ({
  sender: { address: accounts[0].address },
  recipient: { address: accounts[1].address },
  rate_per_second: { i128: '1' },
  token_address: { address: tokenAddress },
  deposited_amount: { i128: '250000' },
  start_time: { u64: '0' },
});

const parametersOf = (page) => new URLSearchParams(new URL(page.url()).hash.split('?')[1]);
const untilRows = (page, ...ids) =>
  until(`the table shows ${ids}`, async () => {
    const shown = await page.locator('#streams-rows tr').evaluateAll((rows) => rows.map((row) => row.dataset.stream));
    return shown.join() === ids.join();
  });

test('the address bar keeps search, filters and order, for links and the back button', { timeout }, async () => {
  const page = await open();
  const all = [cancelled, paused, running].map(({ streamId }) => streamId);
  await untilRows(page, ...all);
  await page.locator('#streams-subject').fill(accounts[2].address);
  await page.locator('#streams-subject').press('Enter');
  await untilRows(page, cancelled.streamId, paused.streamId);
  await page.locator('#streams-status').selectOption('paused');
  await untilRows(page, paused.streamId);
  await page.locator('#log-type').selectOption('stream.paused');
  await page.locator('#log-subject').fill(paused.streamId);
  await until('the events are in the address', () => parametersOf(page).get('about') === paused.streamId);
  assert.equal(parametersOf(page).get('user'), accounts[2].address);
  assert.equal(parametersOf(page).get('status'), 'paused');
  assert.equal(parametersOf(page).get('type'), 'stream.paused');

  const other = await newPage(browser);
  await other.goto(page.url());
  await untilRows(other, paused.streamId);
  await until('the other page shows the same events', async () => (await other.locator('#log-list li').count()) === 1);
  assert.equal(await other.locator('#streams-status').inputValue(), 'paused');
  assert.equal(await other.locator('#log-subject').inputValue(), paused.streamId);

  await other.locator('tr a.id').click();
  await other.getByRole('heading', { name: `Stream ${paused.streamId}`, exact: true }).waitFor();
  await other.getByRole('link', { name: 'All streams' }).click();
  await untilRows(other, paused.streamId);
  await page.locator('th button[data-sort=createdAt]').click();
  await until('the order is in the address', () => parametersOf(page).get('sort') === 'createdAt.asc');
  while (parametersOf(page).has('user')) await page.goBack();
  await untilRows(page, ...all);
});

test('says how many events a burst left out', { timeout }, async () => {
  const page = await open('#');
  await page.locator('#log-list li').first().waitFor();
  const { tokenAddress } = await program.indexedStream(running.streamId);
  const emit = (streamId) => program.post('/devnet/emit', { name: 'stream_created', streamId, fields: fieldsOf(tokenAddress) });
  await Promise.all(Array.from({ length: A_BURST }, (_, at) => emit(9_000 + at)));
  const count = page.locator('#log-count');
  await until('the burst has been counted', async () => {
    const { total } = await program.get('/v1/events?limit=1');
    return (await count.innerText()) === `${SHOWN_AT_MOST} shown, ${total - SHOWN_AT_MOST} older left out`;
  });
  assert.equal(await page.locator('#log-list li').count(), SHOWN_AT_MOST);
});

test('offers only the calls that the contract would accept', { timeout }, async () => {
  const page = await open(`#stream/${running.streamId}`);
  const offered = () => page.locator('.acts').getByRole('button').allInnerTexts();
  const untilOffered = (...labels) => until(`${labels} are offered`, async () => (await offered()).join() === labels.join());
  await untilOffered('Withdraw', 'Top up', 'Pause', 'Cancel stream');
  await page.goto(`${program.url}/#stream/${paused.streamId}`);
  await untilOffered('Top up', 'Resume', 'Cancel stream');
  await page.goto(`${program.url}/#stream/${cancelled.streamId}`);
  await page.getByText('Nothing more can be done with it.').waitFor();
  await untilOffered();
});

test('asks before it cancels a stream, and says whom that pays, and how much', { timeout }, async () => {
  const { streamId } = await program.createStream();
  await program.indexedStream(streamId);
  const page = await open(`#stream/${streamId}`);
  const dialog = page.getByRole('dialog');
  await page.locator('#act-cancel').click();
  await dialog.getByText(/The recipient is paid [\d,]+ units of \S+, the sender gets [\d,]+ units of \S+ back/).waitFor();
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.locator('#act-cancel').click();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  // If the page had made the call all the same, it would be in a ledger before this one.
  await program.topUp({ streamId });
  assert.equal((await program.indexedStream(streamId)).status, 'active');

  await page.locator('#act-cancel').click();
  await dialog.getByRole('button', { name: 'Cancel stream' }).click();
  await page.locator('#stream-status').getByText('cancelled').waitFor();
});

test('every time names its zone', { timeout }, async () => {
  const page = await open(`#stream/${running.streamId}`);
  const times = page.locator('time, [data-field=started], [data-field=ends], [data-field=updated]');
  await page.locator('[data-field=started]').waitFor();
  await page.locator('#timeline time').first().waitFor();
  for (const text of await times.allInnerTexts()) assert.match(text, A_ZONE);
  await page.locator('#network-open').click();
  await until('the ledger has a time', async () => A_ZONE.test(await page.locator('#fact-time').innerText()));
});

/** Far less than the time after which the page asks again anyway. */
const AT_ONCE_MS = 10_000;

test('a filtered list follows live events at once', { timeout }, async () => {
  const made = await program.createStream();
  await program.indexedStream(made.streamId);
  const byStatus = await open('#streams?status=paused');
  const byUser = await open(`#streams?user=${accounts[3].address}`);
  await byUser.getByText('No stream matches.').waitFor();
  await untilRows(byStatus, paused.streamId);
  await program.post(`/devnet/streams/${made.streamId}/pause`, {});
  await byStatus.locator(`tr[data-stream="${made.streamId}"]`).waitFor({ timeout: AT_ONCE_MS });
  await program.createStream(accounts[3].address);
  await byUser.locator('#streams-rows tr').first().waitFor({ timeout: AT_ONCE_MS });
});

test('a live event matches the filter of the events exactly if the list does', { timeout }, async () => {
  const { tokenAddress } = await program.indexedStream(running.streamId);
  const ofToken = await open(`#streams?about=${tokenAddress}`);
  const ofAccount = await open(`#streams?about=${accounts[0].address}`);
  await ofToken.getByText('No matching events yet').waitFor();
  const id = (await program.topUp(running)).at(-1);
  const seen = (page) => page.locator(`#log [data-event-id="${id}"]`);
  await seen(ofAccount).waitFor();
  await until('the other page was told of the event', async () => (await ofToken.locator('#last-event-id').innerText()) >= id);
  assert.equal(await seen(ofToken).count(), 0);
});

test('says what is wrong with the duration of a new stream', { timeout }, async () => {
  const page = await open();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.getByRole('button', { name: 'New stream' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Duration').fill('1e3');
  await dialog.getByRole('button', { name: 'Create stream' }).click();
  await dialog.getByText('The duration is a whole number').waitFor();
  assert.deepEqual(complaints, []);
});
