// What the page at `/` shows to a visitor with no token or an ended one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';
import { tokenOf } from './harness/token.js';

const timeout = LONGEST_MS;
const SIGN_IN = /Sign in to see (streams|events|this)/;
let program, browser, accounts;
before(async () => {
  [program, browser] = await Promise.all([Program.start(['--auth=optional', '--devnet-scenario=false']), startChromium()]);
  ({ accounts } = await program.get('/devnet/accounts'));
  await program.createStream();
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

async function open(hash = '') {
  const page = await newPage(browser);
  await page.goto(`${program.url}/${hash}`);
  return page;
}

async function signIn(page, token) {
  const field = page.locator('#token');
  if (!(await field.isVisible())) await page.locator('#token-open').click();
  await field.fill(token);
  await field.press('Enter');
}

test('says that the visitor must sign in, and not that there is nothing', { timeout }, async () => {
  const page = await open();
  await page.locator('#streams-note').getByText(SIGN_IN).waitFor();
  await page.locator('#log-note').getByText(SIGN_IN).waitFor();
  assert.ok(await page.locator('#token').isVisible(), 'the form for a token is open');
  assert.doesNotMatch(await page.locator('main').innerText(), /There are no streams yet|No matching events/);

  await page.goto(`${program.url}/#stream/1`);
  await page.locator('#stream').getByText(SIGN_IN).waitFor();

  await page.goto(`${program.url}/#`);
  await signIn(page, tokenOf(program, `--sub=${accounts[0].address}`));
  await page.locator('tr[data-stream="1"]').waitFor();
});

test('tells a visitor without streams that a token shows the streams of its account', { timeout }, async () => {
  const page = await open();
  await signIn(page, tokenOf(program));
  await page.locator('#streams-note').getByText('with a token you see the streams that its account sends or receives').waitFor();
  assert.doesNotMatch(await page.locator('#streams').innerText(), /no streams? yet/);
});

test('says why a token ended, and does not claim that nothing was missed', { timeout }, async () => {
  const page = await open();
  const sub = accounts[2].address;
  const said = page.locator('.connection');
  await signIn(page, tokenOf(program, `--sub=${sub}`));
  // Nothing can be resumed before the page knows where the feed is.
  await until('the page has an event id', async () => (await page.locator('#last-event-id').textContent()) !== '–');
  await program.kill();
  await program.startAgain();
  await said.getByText('nothing missed').waitFor();

  const authorization = `Bearer ${tokenOf(program, '--sub=ops', '--scopes=admin')}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const body = JSON.stringify({ sub });
  const answer = await fetch(`${program.url}/v1/admin/revoke`, { method: 'POST', headers, body });
  assert.equal(answer.status, 204);
  await said.getByText('The token was revoked').waitFor();
  assert.doesNotMatch(await said.innerText(), /nothing missed/);
  await page.locator('#token-reason').getByText(/The token was revoked\. Sign in again/).waitFor();
});

test('says that a token has expired, also when it expired before it was entered', { timeout }, async () => {
  const token = tokenOf(program, `--sub=${accounts[0].address}`, '--ttl=1s');
  const headers = { authorization: `Bearer ${token}` };
  await until('the token has expired', async () => (await fetch(`${program.url}/v1/streams`, { headers })).status === 401);
  const page = await open();
  await signIn(page, token);
  await page.locator('#token-reason').getByText(/The token has expired\. Sign in again/).waitFor();
  await page.locator('#streams-note').getByText(/The token has expired\. Sign in again/).waitFor();
  await page.locator('.connection').getByText('The token has expired').waitFor();
});

test('comes back after a refusal by something in between', { timeout }, async () => {
  const page = await open();
  await signIn(page, tokenOf(program, `--sub=${accounts[0].address}`));
  await page.locator('.connection').getByText('live').waitFor();
  const refusals = new Set();
  await page.route('**/v1/**', async (route) => {
    refusals.add(new URL(route.request().url()).pathname);
    await route.fulfill({ status: 403, contentType: 'text/html', body: '<h1>Forbidden</h1>' });
  });
  await page.reload();
  await until('everything was refused', () => refusals.has('/v1/events/subscribe') && refusals.has('/v1/status'));
  assert.doesNotMatch(await page.locator('body').innerText(), /The token does not allow this/);
  await page.unroute('**/v1/**');
  await page.locator('.connection').getByText('live').waitFor();
});

test('does not claim to another caller that nothing was missed', { timeout }, async () => {
  const page = await open();
  const tokenFor = ({ address }) => tokenOf(program, `--sub=${address}`);
  const note = page.locator('#connection-note');
  await signIn(page, tokenFor(accounts[0]));
  await program.createStream();
  await page.locator('#log-list li').first().waitFor();
  await signIn(page, tokenFor(accounts[2]));
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('#streams-note').getByText('no stream that you may see').waitFor();
  assert.equal(await note.innerText(), '');
  assert.equal(await page.locator('#events-seen').innerText(), '0');
  // The same caller's next token does resume.
  await signIn(page, tokenFor(accounts[2]));
  await note.getByText('nothing missed').waitFor();
});
