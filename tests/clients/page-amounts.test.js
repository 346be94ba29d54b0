// Amounts on the page at `/`: their units, their line breaks, and where each part of a deposit went.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { overflowing, setWidth, tornDigits, tornNumbers, WIDTHS } from './harness/layout.js';
import { Program } from './harness/program.js';

/** A token with two decimals, which the page cannot know. */
const OTHER_TOKEN = 'CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75';
const HUGE = '170141183460469231731687303715';
/** A stream that exists in an event only needs the older contract, whose events tell everything about a stream. */
const ARGS = ['--devnet-scenario=false', '--devnet-contract-code=a'];

const timeout = LONGEST_MS;
let program, browser, accounts, token;
before(async () => {
  [program, browser] = await Promise.all([Program.start(ARGS), startChromium()]);
  ({ accounts } = await program.get('/devnet/accounts'));
  await create(HUGE, 3_600);
  await create('1234567', 3_600);
  await emitStream(7_000, OTHER_TOKEN, '250000');
  token = (await program.indexedStream(1)).tokenAddress;
  await program.indexedStream(7_000);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

function create(amount, duration) {
  const [{ address: sender }, { address: recipient }] = accounts;
  return program.post('/devnet/streams', { sender, recipient, amount, duration });
}

function emitStream(streamId, tokenAddress, deposited) {
  const fields = {
    sender: { address: accounts[0].address },
    recipient: { address: accounts[1].address },
    rate_per_second: { i128: '1' },
    token_address: { address: tokenAddress },
    deposited_amount: { i128: deposited },
    start_time: { u64: '0' },
  };
  return program.post('/devnet/emit', { name: 'stream_created', streamId, fields });
}

const short = (address) => `${address.slice(0, 4)}…${address.slice(-4)}`;
const flat = (text) => text.replace(/\s+/g, ' ').trim();

async function open(hash) {
  const page = await newPage(browser, { viewport: { width: 1280, height: 844 } });
  await page.goto(`${program.url}/${hash}`);
  return page;
}

test('does not speak of a refund of nothing', { timeout }, async () => {
  const page = await open('#streams');
  await page.route(({ pathname }) => pathname === '/v1/streams', async (route) => {
    const response = await route.fetch();
    const { data, ...rest } = await response.json();
    const drained = (stream) => ({ ...stream, status: 'closed', isActive: false, withdrawnAmount: stream.depositedAmount });
    await route.fulfill({ response, json: { ...rest, data: data.map(drained) } });
  });
  await page.reload();
  await page.locator('#streams-rows .badge', { hasText: 'closed' }).first().waitFor();
  assert.doesNotMatch(await page.locator('#streams-rows').innerText(), /refunded/);
});

test('shows amounts in smallest units and names the token', { timeout }, async () => {
  const page = await open('#streams');
  const row = page.locator('tr[data-stream="7000"]');
  await row.waitFor();
  assert.match(flat(await row.locator('[data-cell=progress]').innerText()), /of 250,000 units$/);
  assert.match(flat(await row.locator('[data-cell=claimable]').innerText()), /[\d,]+ units$/);
  assert.match(await row.locator('[data-cell=id]').innerText(), new RegExp(short(OTHER_TOKEN)));
  const event = page.locator('#log li', { hasText: 'stream 7000' });
  assert.match(flat(await event.innerText()), new RegExp(`with 250,000 units of ${short(OTHER_TOKEN)}`));
  assert.match(await page.locator('footer').innerText(), /smallest units/);

  await page.goto(`${program.url}/#stream/7000`);
  const units = new RegExp(`^[\\d,]+ units of ${short(OTHER_TOKEN)}$`);
  await until('the stream names its units', async () => units.test(flat(await page.locator('#claimable').innerText())));
  const deposited = await page.locator('[data-field=deposited]').innerText();
  assert.equal(flat(deposited), `250,000 units of ${short(OTHER_TOKEN)}`);
});

test('sorts by deposit only within one token', { timeout }, async () => {
  const page = await open('#streams?sort=depositedAmount.desc');
  const button = page.locator('th button[data-sort=depositedAmount]');
  await page.locator('tr[data-stream="7000"]').waitFor();
  assert.ok(await button.isDisabled());
  assert.deepEqual(await order(page), ['7000', '2', '1'], 'the newest first');

  await page.locator('#streams-token').selectOption(token);
  await button.click();
  await until('the largest deposit is first', async () => (await order(page)).join() === '1,2');
  await button.click();
  await until('the smallest deposit is first', async () => (await order(page)).join() === '2,1');
});

const order = (page) => page.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.stream));

test('does not break numbers inside, and does not cut off or overlap anything, at any width', { timeout }, async () => {
  const { streamId } = await create(HUGE, 3_600);
  await program.post(`/devnet/streams/${streamId}/cancel`, {});
  const page = await open('#streams');
  for (const hash of ['#streams', '#stream/1', `#stream/${streamId}`, '#streams?show=log']) {
    await page.goto(`${program.url}/${hash}`);
    await page.locator(hash.startsWith('#stream/') ? '#timeline li' : 'tbody tr').first().waitFor({ state: 'attached' });
    await page.getByText('Live', { exact: true }).waitFor();
    for (const width of WIDTHS) {
      await setWidth(page, width);
      assert.deepEqual(await tornDigits(page), [], `${hash} at ${width} px`);
      assert.deepEqual(await tornNumbers(page), [], `${hash} at ${width} px`);
      assert.deepEqual(await overflowing(page), [], `${hash} at ${width} px`);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${hash} at ${width} px`);
    }
  }
});

test('shows where each part of a deposit went, in amounts and in shares that add up to 100 %', { timeout }, async () => {
  const { streamId } = await create('7000003', 7);
  const { events } = await program.post(`/devnet/streams/${streamId}/cancel`, {});
  const cancelled = await until('the cancellation is indexed', async () => {
    const all = (await program.get(`/v1/streams/${streamId}/events`)).events;
    return all.find(({ id }) => events.includes(id));
  });
  const page = await open(`#stream/${streamId}`);
  const keys = page.locator('#stream .key:visible');
  await keys.first().waitFor();
  const said = (await keys.allInnerTexts()).map(flat);
  assert.equal(said.length, 2, said.join());
  const [paid, refunded] = [cancelled.amountWithdrawn, cancelled.refundedAmount].map((text) => Number(text).toLocaleString('en'));
  assert.match(said[0], new RegExp(`^Withdrawn ${paid} units \\(`));
  assert.match(said[1], new RegExp(`^Refunded ${refunded} units \\(`));

  // The shares of a running stream add up too, at any time.
  for (const ref of [streamId, '1', '2', '7000']) {
    await page.goto(`${program.url}/#stream/${ref}`);
    await page.getByRole('heading', { name: `Stream ${ref}`, exact: true }).waitFor();
    const meter = page.locator('#stream .meter');
    await until('the meter is filled', () => meter.getAttribute('aria-label'));
    const widths = await meter.locator('i').evaluateAll((parts) => parts.map(({ style }) => Number.parseFloat(style.width)));
    assert.equal(Math.round(widths.reduce((sum, width) => sum + width, 0) * 10), 1_000, `${ref}: ${widths}`);
  }
  await page.goto(`${program.url}/#streams`);
  const row = page.locator(`tr[data-stream="${streamId}"]`);
  await row.getByText(`${refunded} refunded`).waitFor();
});
