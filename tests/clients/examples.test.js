// The examples, each as its line in their README says: they show events, and go on when the service was away.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { freePort } from './harness/child.js';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS } from './harness/condition.js';
import { Example, EXAMPLES } from './harness/example.js';
import { Program } from './harness/program.js';
import { tokenOf } from './harness/token.js';

const LAST_ID = join(EXAMPLES, 'last-event-id');

describe('the examples', { timeout: LONGEST_MS }, () => {
  let program, stream, browser;
  const running = [];
  before(async () => {
    rmSync(LAST_ID, { force: true });
    const args = ['--auth=optional', '--visibility=public'];
    [program, browser] = await Promise.all([Program.start(args), startChromium()]);
    stream = await program.createStream();
  });
  afterEach(() => Promise.all(running.splice(0).map((example) => example.stop())));
  after(async () => {
    rmSync(LAST_ID, { force: true });
    await browser?.close();
    await program?.stop();
  });

  function run(name, more) {
    const example = new Example(name, { env: { FLOWFI_URL: program.url, FLOWFI_TOKEN: tokenOf(program) }, more });
    running.push(example);
    return example;
  }

  test('subscribers print each event once, and go on where the one before stopped', async () => {
    const ids = [];
    for (const name of ['curl', 'Node', 'Python', 'Rust']) {
      const example = run(name);
      await example.untilPrinted((await program.topUp(stream)).at(-1));
      await program.kill();
      await program.startAgain();
      await example.untilPrinted((await program.topUp(stream)).at(-1));
      await example.end();
      const printed = example.ids();
      // One that is ended after it printed an event and before it noted the id prints it again.
      if (printed[0] === ids.at(-1)) printed.shift();
      ids.push(...printed);
      assert.deepEqual(ids, await program.idsBetween(ids[0], ids.at(-1)), name);
    }
  });

  /** Returns the ids of the events that a page shows, oldest first. */
  async function idsOn(page) {
    const texts = await page.locator('li').evaluateAll((items) => items.map((item) => item.outerHTML));
    return texts.map((text) => text.match(/\d{19}-\d{10}/)[0]).reverse();
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

  test('the plain page goes on after its ticket was spent', async () => {
    const page = await newPage(browser);
    await page.goto(`file://${EXAMPLES}eventsource.html?url=${encodeURIComponent(program.url)}`);
    await page.getByLabel('Token').fill(tokenOf(program));
    await page.getByLabel('Token').press('Enter');
    await page.getByText('live').waitFor();
    await assertGoesOn(page);
  });

  for (const name of ['React', 'Next.js']) {
    test(`the page by ${name} goes on`, async () => {
      const port = await freePort();
      const url = `http://localhost:${port}/`;
      const example = run(name, ` -- --port ${port}`);
      await example.untilServed(url);
      const page = await newPage(browser);
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(url);
      await assertGoesOn(page);
      assert.deepEqual(complaints, []);
    });
  }
});
