// The page at `/` when requests are refused: it waits as long as it is told to, and tries again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
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

/** Counts a page's requests for a path. `answer` may answer one of them, of which it is told how many there were. */
async function counted(page, path, answer = () => false) {
  const requests = { count: 0 };
  await page.route(
    ({ pathname }) => pathname === path,
    (route) => {
      requests.count += 1;
      return answer(route, requests.count) || route.continue();
    },
  );
  return requests;
}

const refuse = (route, headers = {}) =>
  route.fulfill({ status: 503, contentType: 'application/problem+json', headers, body: '{"title":"busy"}' });

// A browser's timers cannot wait that long, and then do not wait at all.
for (const retryAfter of ['3000000', '1e999']) {
  test(`does not ask all the time when it is told to wait for ${retryAfter} seconds`, { timeout }, async () => {
    const page = await newPage(browser);
    const streams = await counted(page, '/v1/streams', (route) => refuse(route, { 'retry-after': retryAfter }));
    const polls = await counted(page, '/v1/status');
    await page.goto(`${program.url}/`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('#streams-note', { hasText: 'Busy.' }).waitFor();
    const pollsBefore = polls.count;
    await until('the page has polled twice more', () => polls.count >= pollsBefore + 2);
    assert.ok(streams.count <= 2, `${streams.count} requests`);
    await page.context().close();
  });
}

test('fetches the accounts until it gets them, complains once, and creates a stream once', { timeout }, async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => {
    window.complaints = 0;
    const look = () => { if (document.querySelector('#notice.bad')?.textContent) window.complaints += 1; };
    new MutationObserver((changes) => { if (changes.some(({ target }) => target.id === 'notice')) look(); })
      .observe(document, { childList: true, subtree: true });
  });
  const accounts = await counted(page, '/devnet/accounts', (route, at) => at <= 3 && refuse(route));
  const creations = await counted(page, '/devnet/streams');
  await page.goto(`${program.url}/`);
  await page.getByRole('button', { name: 'New stream' }).click();
  assert.equal(accounts.count, 4);
  assert.equal(await page.evaluate(() => window.complaints), 1);

  await page.getByRole('dialog').getByRole('button', { name: 'Create stream' }).click();
  await page.locator('#streams-rows tr').first().waitFor();
  assert.equal(creations.count, 1);
  const [{ name }] = (await program.get('/devnet/accounts')).accounts;
  await page.locator('#streams-rows [data-cell=parties]', { hasText: name }).first().waitFor();
  await page.context().close();
});
