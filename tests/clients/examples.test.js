// Each example, run with the command in the README: it shows events, and continues after the service was away.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { freePort } from './harness/child.js';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS } from './harness/condition.js';
import { Example, EXAMPLES } from './harness/example.js';
import { setWidth, tornDigits, WIDTHS } from './harness/layout.js';
import { Program } from './harness/program.js';
import { RefusingProxy } from './harness/refusing-proxy.js';
import { tokenOf } from './harness/token.js';

/** An address that nothing else in the tests uses. */
const SENDER = 'GAIH3ULLFQ4DGSECF2AR555KZ4KNDGEKN4AFI4SU2M7B43MGK3QJZNSR';
const OTHER_TOKENS = [
  'CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75',
  'CCR2RRS64MGIDMQUAWN3JOPTLWOJVDNN7WGCHNGZCVNGYBUXRV5QHFIG',
];
/** The React page lists 20 streams. */
const MORE_THAN_A_PAGE = 25;

const short = (address) => `${address.slice(0, 4)}…${address.slice(-4)}`;

const created = (token, rate) => ({
  sender: { address: SENDER },
  recipient: { address: OTHER_TOKENS[0] },
  rate_per_second: { i128: `${rate}` },
  token_address: { address: token },
  deposited_amount: { i128: '1000000000000' },
  start_time: { u64: '0' },
});

const SUBSCRIBERS = ['curl', 'Node', 'Python', 'Rust'];
const LAST_ID = join(EXAMPLES, 'last-event-id');

describe('the examples', { timeout: LONGEST_MS }, () => {
  let program, stream, browser;
  const running = [];
  before(async () => {
    rmSync(LAST_ID, { force: true });
    // Streams that exist in events only need the older contract, whose events tell everything about a stream.
    const args = ['--auth=optional', '--visibility=public', '--devnet-contract-code=a'];
    [program, browser] = await Promise.all([Program.start(args), startChromium()]);
    stream = await program.createStream();
  });
  afterEach(() => Promise.all(running.splice(0).map((example) => example.stop())));
  after(async () => {
    rmSync(LAST_ID, { force: true });
    await browser?.close();
    await program?.stop();
  });

  function run(name, { more, env } = {}) {
    const example = new Example(name, { env: { FLOWFI_URL: program.url, FLOWFI_TOKEN: tokenOf(program), ...env }, more });
    running.push(example);
    return example;
  }

  /** Runs subscribers side by side until each has taken the answers that a proxy of its own gives it, and has printed an
      event of the program. Calls `check(name, example, proxy)` for each. */
  async function runThroughProxies(names, answersFor, longestWaitSeconds, check = () => {}) {
    const folder = mkdtempSync(join(tmpdir(), 'flowfi-example-'));
    await Promise.all(names.map(async (name) => {
      const proxy = await RefusingProxy.start(program.url, answersFor(name));
      try {
        const env = { FLOWFI_URL: proxy.url, FLOWFI_LAST_ID_FILE: join(folder, name), FLOWFI_LONGEST_WAIT_SECONDS: `${longestWaitSeconds}` };
        const example = run(name, { env });
        await example.until('has come back', () => proxy.left.length === 0);
        await example.untilPrinted((await program.topUp(stream)).at(-1));
        await example.end();
        await check(name, example, proxy);
      } finally {
        await proxy.stop();
      }
    }));
    rmSync(folder, { recursive: true });
  }

  test('subscribers print each event once, and each continues where the one before stopped', async () => {
    const ids = [];
    for (const name of SUBSCRIBERS) {
      const example = run(name);
      await example.untilPrinted((await program.topUp(stream)).at(-1));
      await program.kill();
      await program.startAgain();
      await example.untilPrinted((await program.topUp(stream)).at(-1));
      await example.end();
      const printed = example.ids();
      // A subscriber that is stopped between printing an event and saving its id leaves it to the next, which prints it
      // again.
      if (printed[0] === ids.at(-1)) printed.shift();
      ids.push(...printed);
      assert.deepEqual(ids, await program.idsBetween(ids[0], ids.at(-1)), name);
    }
  });

  test('subscribers come back after refusals that are not the service’s own', async () => {
    await runThroughProxies(SUBSCRIBERS, () => [401, 502], 1);
  });

  const frames = (...lines) => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body: `${lines.join('\n')}\n\n` });

  test('subscribers run nothing that a server sends, and come back after any wait that it asks for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowfi-example-'));
    const mark = join(folder, 'mark');
    const hostile = [
      frames(`retry: url[$(touch ${mark}; echo 0)]`, `id: $(touch ${mark})`, `event: stream.$(touch ${mark})`, 'data: {}'),
      frames('retry: -5', 'data: {}'),
      frames('retry: 08', 'data: {}'),
      frames('retry: 99999999999999', 'data: {}'),
      frames(`retry: ${'9'.repeat(400)}`, 'data: {}'),
    ];
    await runThroughProxies(SUBSCRIBERS, (name) => hostile.slice(name === 'curl' ? 0 : 1), 1, (name) => {
      assert.ok(!existsSync(mark), `${name} ran a command`);
    });
    rmSync(folder, { recursive: true });
  });

  const away = (retryAfter) => ({ status: 503, headers: { 'content-type': 'text/html', 'retry-after': retryAfter }, body: '' });

  test('subscribers come back after a time that a proxy may word as it likes', async () => {
    const answers = ['Wed, 21 Oct 2026 07:28:00 GMT', '-5', '9'.repeat(400), 'soon'].map(away);
    await runThroughProxies(SUBSCRIBERS, () => answers, 1);
  });

  test('subscribers wait as long as they may when they are asked to wait for longer', async () => {
    // The package that Node uses has a test of its own.
    const seconds = 5;
    const answersFor = (name) => [frames('retry: 200000', 'data: {}'), ...(name === 'Python' ? [away('300')] : [])];
    await runThroughProxies(['curl', 'Python', 'Rust'], answersFor, seconds, (name, example, { askedAtMs }) => {
      for (let at = 0; at < answersFor(name).length; at += 1) {
        const waitedMs = askedAtMs[at + 1] - askedAtMs[at];
        assert.ok(waitedMs >= seconds * 1_000, `${name} waited ${waitedMs} ms`);
      }
    });
  });

  const frame = (id, event, data) => `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

  /** Returns an event of a type that no version has yet, and is of no stream. */
  const unheardOf = (id) => ({ id, type: 'protocol.put_to_sleep', streamId: null, sender: null, recipient: null, amount: null,
    tokenAddress: null, ledger: 9, ledgerClosedAt: '2026-01-01T00:00:00Z', timestamp: 1_767_225_600 });

  test('subscribers print events of every type, and no notice', async () => {
    const id = (await program.topUp(stream)).at(-1);
    const body = frame(undefined, 'connected', {}) + frame(undefined, 'announcement', {}) + frame(undefined, 'changed', { streams: [] })
      + frame(id, 'protocol.put_to_sleep', unheardOf(id))
      + frame(undefined, 'announcement', {}) + frame(undefined, 'announcement', []) + 'event: announcement\ndata: {[\n\n';
    const answers = [{ status: 200, headers: { 'content-type': 'text/event-stream' }, body }];
    await runThroughProxies(SUBSCRIBERS, () => answers, 1, async (name, example) => {
      assert.match(example.printed(), /^\d{19}-\d{10} protocol\.put_to_sleep( \{.*\})?$/m);
      assert.doesNotMatch(example.printed(), /announcement|^\S+$/m, name);
      const ids = example.ids();
      assert.deepEqual(ids, await program.idsBetween(id, ids.at(-1)), name);
    });
  });

  /** Returns the ids of the events that a page shows, oldest first. */
  async function idsOn(page) {
    const texts = await page.locator('li').evaluateAll((items) => items.map((item) => item.outerHTML));
    return texts.flatMap((text) => text.match(/\d{19}-\d{10}/)?.[0] ?? []).reverse();
  }

  async function untilNextOn(page) {
    const id = (await program.topUp(stream)).at(-1);
    await page.waitForFunction((id) => document.body.innerHTML.includes(id), id);
  }

  async function assertGoesOn(page) {
    await untilNextOn(page);
    await program.kill();
    await program.startAgain();
    await untilNextOn(page);
    const ids = await idsOn(page);
    assert.deepEqual(ids, await program.idsBetween(ids[0], ids.at(-1)));
  }

  test('the plain page continues after its ticket was spent', async () => {
    const page = await newPage(browser);
    await page.goto(`file://${EXAMPLES}eventsource.html?url=${encodeURIComponent(program.url)}`);
    await page.getByLabel('Token').fill(tokenOf(program));
    await page.getByLabel('Token').press('Enter');
    await page.getByText('live').waitFor();
    await assertGoesOn(page);
  });

  test('the plain page has one event stream, whenever a token is entered', async () => {
    const page = await newPage(browser);
    await page.clock.install();
    let asked = 0;
    await page.route('**/v1/events/subscribe**', (route) => {
      asked += 1;
      return asked === 1 ? route.fulfill({ status: 401 }) : route.continue();
    });
    await page.goto(`file://${EXAMPLES}eventsource.html?url=${encodeURIComponent(program.url)}`);
    await page.getByText('coming back').waitFor();
    await page.getByLabel('Token').fill(tokenOf(program));
    await page.getByLabel('Token').press('Enter');
    await page.getByText('live').waitFor();
    // By now the page would have come back without the token.
    await page.clock.fastForward(10_000);
    await untilNextOn(page);
    await untilNextOn(page);
    const ids = await idsOn(page);
    assert.deepEqual(ids, [...new Set(ids)]);
    assert.equal(asked, 2);
    await page.context().close();
  });

  /** Opens the page that an example serves, once it is prepared. */
  async function openServed(name, prepare) {
    const port = await freePort();
    const url = `http://localhost:${port}/`;
    const example = run(name, { more: ` -- --port ${port}` });
    await example.untilServed(url);
    const page = await newPage(browser);
    await prepare?.(page);
    await page.goto(url);
    return page;
  }

  for (const name of ['React', 'Next.js']) {
    test(`the ${name} page continues, and names the units and the token of an amount`, async () => {
      const page = await openServed(name);
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await assertGoesOn(page);
      const { tokenAddress } = await program.indexedStream(stream.streamId);
      const amount = `997,500 units of ${short(tokenAddress)}`;
      await page.locator('li', { hasText: amount }).first().waitFor();
      assert.deepEqual(complaints, []);
    });
  }

  /** Has a page receive an event of an unknown type before all others. */
  async function tellUnheardOf(page, id) {
    const types = await (await fetch(`${program.url}/openapi.json`)).json();
    types.components.schemas.EventType.enum.push('protocol.put_to_sleep');
    await page.route('**/openapi.json', (route) => route.fulfill({ json: types, headers: { 'access-control-allow-origin': '*' } }));
    const body = frame(undefined, 'connected', { lastEventId: id, unknownStreams: [] }) + frame(id, 'protocol.put_to_sleep', unheardOf(id));
    let isTold = false;
    await page.route('**/v1/events/subscribe**', (route) => {
      if (isTold) return route.continue();
      isTold = true;
      return route.fulfill({ contentType: 'text/event-stream', body, headers: { 'access-control-allow-origin': '*' } });
    });
  }

  for (const [name, text] of [
    ['EventSource', / protocol\.put_to_sleep$/],
    ['React', /^Protocol put to sleep\s+\d\d?:\d\d/i],
    ['Next.js', /\d\d? [AP]M GMT.*protocol\.put_to_sleep$|protocol\.put_to_sleep$/],
  ]) {
    test(`the ${name} page shows an event of any type, and names no stream where it has none`, async () => {
      // An id that no event of the chain has.
      const id = (await program.topUp(stream)).at(-1).replace(/\d{10}$/, '0000000999');
      const isFile = name === 'EventSource';
      const page = isFile ? await newPage(browser) : await openServed(name, (page) => tellUnheardOf(page, id));
      if (isFile) {
        await tellUnheardOf(page, id);
        await page.goto(`file://${EXAMPLES}eventsource.html?url=${encodeURIComponent(program.url)}`);
      }
      const item = page.locator('li', { hasText: /put.to.sleep/i });
      await item.waitFor();
      assert.match((await item.innerText()).trim(), text);
      await page.context().close();
    });
  }

  test('the React page keeps huge amounts inside their card', async () => {
    const huge = { ...created(OTHER_TOKENS[0], 1), deposited_amount: { i128: '170141183460469231731687303715884105727' },
      rate_per_second: { i128: '17014118346046923173168730371588410' } };
    await program.post('/devnet/emit', { name: 'stream_created', streamId: 9_500, fields: huge });
    await program.indexedStream(9_500);
    const page = await openServed('React');
    await page.locator('.activity li').first().waitFor();
    await page.getByLabel('Streams of').fill(SENDER);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.locator('.streams td', { hasText: '170,141,183,460,469,231,731,687,303,715,884,105,727' }).first().waitFor();
    for (const width of WIDTHS) {
      await setWidth(page, width);
      assert.deepEqual(await tornDigits(page), [], `at ${width} px`);
      const over = await page.evaluate(() =>
        [...document.querySelectorAll('section')].filter((card) => card.scrollWidth > card.clientWidth).map((card) => card.className));
      assert.deepEqual(over, [], `at ${width} px`);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `at ${width} px`);
    }
    await page.context().close();
  });

  test('the React page totals all streams of an entered address by token, and says which amounts are unknown', async () => {
    const [one, other] = [OTHER_TOKENS[0], OTHER_TOKENS[1]];
    const calls = Array.from({ length: MORE_THAN_A_PAGE + 2 }, (_, at) => {
      const [token, rate] = at < MORE_THAN_A_PAGE ? [one, 3] : [other, 1];
      return program.post('/devnet/emit', { name: 'stream_created', streamId: 8_000 + at, fields: created(token, rate) });
    });
    await Promise.all(calls);
    await Promise.all(calls.map((_, at) => program.indexedStream(8_000 + at)));

    const page = await openServed('React');
    // From here on, no event reaches the page.
    await page.route('**/v1/events/subscribe**', (route) => route.abort());
    await page.reload();
    await page.locator('.activity li').first().waitFor();
    await page.locator('.streams tbody tr').first().waitFor();
    await page.getByLabel('Streams of').fill(SENDER);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    const line = (token) => page.locator(`.totals [data-token="${token}"]`);
    const perHour = (rate) => (rate * 3_600).toLocaleString('en');
    const pays = (token, count, rate) => `Pays ${perHour(count * rate)} units of ${short(token)} an hour, by ${count} running`;
    await line(one).getByText(pays(one, MORE_THAN_A_PAGE, 3)).waitFor();
    await line(other).getByText(pays(other, 2, 1)).waitFor();
    assert.equal(await page.locator('.totals li').count(), 2);
    await page.setViewportSize({ width: 390, height: 844 });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, 'the page fits a phone');

    await page.route('**/v1/streams?**', async (route) => {
      const response = await route.fetch();
      const { data, ...rest } = await response.json();
      const unknown = { claimableAmount: null, claimableReason: 'notYetChecked' };
      await route.fulfill({ response, json: { ...rest, data: [{ ...data[0], ...unknown }, ...data.slice(1)] } });
    });
    await page.reload();
    await page.locator('.streams tbody tr').first().getByText('being read from the chain').waitFor();
    assert.equal(await page.getByText('being read from the chain').count(), 1);
  });
});
