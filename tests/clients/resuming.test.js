// Events reach a page whatever happens to the service meanwhile: each once, none missed.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { newContext, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { CuttableLine } from './harness/cuttable-line.js';
import { Program } from './harness/program.js';
import { assertNothingMissed, idsSeen, untilMoreSeen, untilSeen, watch } from './harness/watching.js';
import { serveWatchPage } from './harness/watch-page.js';

/** Renders without an event: when the page starts, and when the state of its connection changes. */
const RENDERS_OF_ITS_OWN = 10;
/** Sixty times a second, with a timer that may fire a millisecond early. */
const SHORTEST_MS = 16;
/** With the newer contract, a record that is completed from the chain can be announced as changed at any time. */
const ARGS = ['--devnet-contract-code=a'];

describe('a page', { timeout: LONGEST_MS }, () => {
  let program, browser, watchPage, context;
  before(async () => {
    [program, browser, watchPage] = await Promise.all([Program.start(ARGS), startChromium(), serveWatchPage()]);
  });
  after(async () => {
    await browser?.close();
    watchPage?.close();
    await program?.stop();
  });
  beforeEach(async () => {
    context = await newContext(browser);
  });
  afterEach(() => context.close());

  for (const [how, name] of [['core', 'our connection'], ['eventSource', 'a native EventSource']]) {
    test(`misses nothing with ${name} when the service is killed and started again`, async () => {
      const page = await watch(context, watchPage.url, how, program.url);
      await untilMoreSeen(page, 5);
      await program.kill();
      const seenBefore = await idsSeen(page);
      await program.startAgain();
      await untilSeen(page, await program.newestId());
      await untilMoreSeen(page, 5);
      await assertNothingMissed(page, program);
      assert.ok((await idsSeen(page)).length > seenBefore.length);
    });
  }

  test('shares one connection with another tab, which takes over when the page closes', async () => {
    await until('earlier connections are gone', async () => (await program.connections()) === 0);
    const leader = await watch(context, watchPage.url, 'tabs', program.url);
    await untilMoreSeen(leader, 1);
    const follower = await watch(context, watchPage.url, 'tabs', program.url);
    await untilMoreSeen(follower, 5);
    assert.equal(await program.connections(), 1);
    const toldByLeader = await idsSeen(follower);
    const ofLeader = await idsSeen(leader);
    const begin = ofLeader.indexOf(toldByLeader[0]);
    assert.deepEqual(toldByLeader, ofLeader.slice(begin, begin + toldByLeader.length));

    await leader.close();
    await untilSeen(follower, await program.newestId());
    await untilMoreSeen(follower, 5);
    await assertNothingMissed(follower, program);
    await until('the connection of the closed tab is gone', async () => (await program.connections()) === 1);
  });

  test('sees each of 1000 events in a burst, and renders at most 60 times a second', async () => {
    const page = await watch(context, watchPage.url, 'hook', program.url);
    await untilMoreSeen(page, 1);
    const stream = (await program.get('/v1/streams?limit=1')).data[0];
    const burst = await program.post('/devnet/emit', {
      name: 'fee_collected',
      streamId: stream.streamId,
      fields: {
        fee_amount: { i128: '1' },
        token: { address: stream.tokenAddress },
        treasury: { address: stream.sender },
      },
      count: 1_000,
    });
    await untilSeen(page, burst.events.at(-1));
    await assertNothingMissed(page, program);
    const renderedAtMs = await page.evaluate(() => window.renderedAtMs);
    // A busy machine may delay one render and not the next, but no render is early: the total is at most what fits.
    const lastedMs = renderedAtMs.at(-1) - renderedAtMs[0];
    const most = lastedMs / SHORTEST_MS + RENDERS_OF_ITS_OWN;
    assert.ok(renderedAtMs.length <= most, `${renderedAtMs.length} renders within ${lastedMs} ms`);
    assert.equal(await page.locator('li').count(), 100);
  });

  test('gets one revised notice from a native EventSource for a revision while it was away', async () => {
    const line = await CuttableLine.to(program.port);
    const page = await watch(context, watchPage.url, 'eventSource', line.url);
    await untilMoreSeen(page, 2);
    await line.cut();
    await program.runBeside('reindex');
    await line.mend();
    await page.waitForFunction(() => window.notices.length > 0);
    await untilMoreSeen(page, 2);
    await line.cut();
    await line.mend();
    await untilMoreSeen(page, 5);
    assert.deepEqual(await page.evaluate(() => window.notices), ['revised']);
    await assertNothingMissed(page, program);
    await page.close();
    await line.cut();
  });
});
