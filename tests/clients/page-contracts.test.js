// The page at `/` with several contracts: which stream a link leads to, and whose streams one may act on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { NARROWEST, overflowing, setWidth, sideways, WIDTHS } from './harness/layout.js';
import { Program } from './harness/program.js';

const timeout = LONGEST_MS;
const LARGEST = '18446744073709551615';
/** Streams that exist in events only need the older contract, whose events tell everything about a stream. */
const ARGS = ['--devnet-contracts=2', '--devnet-scenario=false', '--devnet-contract-code=a'];
let program, browser, first, second, own;
before(async () => {
  [program, browser] = await Promise.all([Program.start(ARGS), startChromium()]);
  const { accounts, contractIds, tokenAddress } = await program.get('/devnet/accounts');
  [first, second] = contractIds;
  own = await program.createStream();
  for (const streamId of [own.streamId, LARGEST]) {
    const fields = {
      sender: { address: accounts[0].address },
      recipient: { address: accounts[1].address },
      rate_per_second: { i128: '1' },
      token_address: { address: tokenAddress },
      deposited_amount: { i128: '250000' },
      start_time: { u64: '0' },
    };
    await program.post('/devnet/emit', { name: 'stream_created', contractId: second, streamId, fields });
  }
  await until('all streams are indexed', async () => (await program.get('/v1/streams')).data.length === 3);
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

async function open(hash = '') {
  const page = await newPage(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(`${program.url}/${hash}`);
  await page.getByText('Live', { exact: true }).waitFor();
  return page;
}

test('streams with the same number are told apart, and each link leads to its own', { timeout }, async () => {
  const page = await open();
  for (const contractId of [first, second]) {
    const name = `Stream ${own.streamId} of ${contractId.slice(0, 4)}…${contractId.slice(-4)}`;
    for (const place of ['#streams-rows', '#log-list']) {
      await page.goto(`${program.url}/#`);
      const link = `${place} a[href="#stream/${contractId}:${own.streamId}"]`;
      if (place === '#streams-rows') await page.getByLabel(name, { exact: true }).waitFor();
      await page.locator(link).first().click();
      await page.locator('#stream [data-field=contract]', { hasText: contractId.slice(-4) }).waitFor();
      assert.equal(new URL(page.url()).hash, `#stream/${contractId}:${own.streamId}`);
    }
  }
  await page.close();
});

test('actions are offered only on streams of the contract that takes them', { timeout }, async () => {
  const page = await open(`#stream/${second}:${own.streamId}`);
  await page.locator('#claimable').waitFor();
  assert.equal(await page.locator('#stream .acts').count(), 0);
  await page.goto(`${program.url}/#stream/${first}:${own.streamId}`);
  await page.locator('#stream .acts').waitFor();
  await page.close();
});

test('the largest number of a stream fits its column', { timeout }, async () => {
  const page = await open();
  await page.locator(`#streams-rows tr[data-stream="${LARGEST}"]`).waitFor();
  for (const width of [...WIDTHS, 1024, NARROWEST]) {
    await setWidth(page, width);
    assert.deepEqual(await overflowing(page), [], `${width} px`);
    assert.equal(await sideways(page), 0, `${width} px`);
  }
  await page.close();
});
