// The page at `/` in many tabs of one browser, over HTTP/1.1, where a browser opens at most six connections to a host.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { newContext, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';
import { tokenOf } from './harness/token.js';

const timeout = LONGEST_MS;
const MORE_THAN_A_BROWSER_CONNECTS = 8;
let program, browser, context, accounts;
before(async () => {
  [program, browser] = await Promise.all([Program.start(['--auth=optional', '--devnet-scenario=false']), startChromium()]);
  ({ accounts } = await program.get('/devnet/accounts'));
});
afterEach(() => context.close());
after(async () => {
  await browser?.close();
  await program?.stop();
});

/** Opens a tab with a token and waits until it is live. */
async function openTab(token) {
  const page = await context.newPage();
  await page.goto(program.url);
  const field = page.locator('#token');
  await field.fill(token);
  await field.press('Enter');
  await page.getByText('Live', { exact: true }).waitFor();
  return page;
}

const untilConnected = (count) => until(`${count} event streams are open`, async () => (await program.connections()) === count);
const tokenFor = ({ address }) => tokenOf(program, `--sub=${address}`, '--ttl=1h');
const eventOf = (page, id) => page.locator(`#log [data-event-id="${id}"]`);
const seenBy = async (page) => Number(await page.locator('#events-seen').innerText());

async function createAndFind(tabs, sender, recipient) {
  const body = { sender: sender.address, recipient: recipient.address, amount: '36000000', duration: 3_600 };
  const { events } = await program.post('/devnet/streams', body);
  await Promise.all(tabs.flatMap((page) => events.map((id) => eventOf(page, id).waitFor())));
  return events;
}

test('shares one event stream between more tabs than a browser opens connections', { timeout }, async () => {
  context = await newContext(browser);
  const token = tokenFor(accounts[0]);
  const tabs = [];
  while (tabs.length < MORE_THAN_A_BROWSER_CONNECTS) tabs.push(await openTab(token));
  await untilConnected(1);
  await createAndFind(tabs, accounts[0], accounts[1]);
  assert.equal(await program.connections(), 1);
});

test('a tab that closes hands over the event stream, and no event is missed or shown twice', { timeout }, async () => {
  context = await newContext(browser);
  const token = tokenFor(accounts[0]);
  const tabs = [];
  while (tabs.length < 3) tabs.push(await openTab(token));
  await untilConnected(1);
  const last = tabs.at(-1);
  let expected = 0;
  while (tabs.length > 0) {
    expected += (await createAndFind(tabs, accounts[0], accounts[1])).length;
    assert.equal(await seenBy(last), expected);
    // The first tab leads, so closing it leaves the others without a connection.
    await tabs.shift().close();
    if (tabs.length > 0) await untilConnected(1);
  }
  await untilConnected(0);
});

test('a tab that opens later shows earlier events, and loads at once', { timeout }, async () => {
  context = await newContext(browser);
  const token = tokenFor(accounts[0]);
  const first = await openTab(token);
  const events = await createAndFind([first], accounts[0], accounts[1]);
  const second = await openTab(token);
  await eventOf(second, events[0]).waitFor();
  await createAndFind([first, second], accounts[0], accounts[1]);
  assert.equal(await program.connections(), 1);
});

test('tabs with different tokens share nothing', { timeout }, async () => {
  context = await newContext(browser);
  const [one, two] = [await openTab(tokenFor(accounts[0])), await openTab(tokenFor(accounts[2]))];
  await untilConnected(2);
  const others = await createAndFind([one], accounts[0], accounts[1]);
  // Events arrive in order: if the first had been sent to this tab, it would be here by now.
  const own = await createAndFind([two], accounts[2], accounts[3]);
  assert.equal(await eventOf(two, others[0]).count(), 0);
  assert.equal(await seenBy(two), own.length);
});

test('a tab with a new token leaves the tabs with its old token', { timeout }, async () => {
  context = await newContext(browser);
  const token = tokenFor(accounts[0]);
  const [stays, leaves] = [await openTab(token), await openTab(token)];
  await untilConnected(1);
  await leaves.locator('#token-open').click();
  await leaves.locator('#token').fill(tokenFor(accounts[2]));
  await leaves.locator('#token').press('Enter');
  await untilConnected(2);
  const others = await createAndFind([stays], accounts[0], accounts[1]);
  await createAndFind([leaves], accounts[2], accounts[3]);
  assert.equal(await eventOf(leaves, others[0]).count(), 0);
});

test('a tab that hangs stops leading', { timeout }, async () => {
  context = await newContext(browser);
  const token = tokenFor(accounts[0]);
  const [leads, waits] = [await openTab(token), await openTab(token)];
  leads.evaluate(() => { for (;;); }).catch(() => {}); // until the context is closed
  await createAndFind([waits], accounts[0], accounts[1]);
});

test('a browser without locks keeps a connection for each tab', { timeout }, async () => {
  context = await newContext(browser);
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
  const token = tokenFor(accounts[0]);
  const tabs = [await openTab(token), await openTab(token)];
  await untilConnected(2);
  await createAndFind(tabs, accounts[0], accounts[1]);
});
