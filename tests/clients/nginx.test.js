// Behind an nginx that was told nothing of event streams: `X-Accel-Buffering: no` must be enough.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { startChromium } from './harness/chromium.js';
import { until } from './harness/condition.js';
import { Nginx } from './harness/nginx.js';
import { Program } from './harness/program.js';
import { assertNothingMissed, untilMoreSeen, untilSeen, watch } from './harness/watching.js';
import { serveWatchPage } from './harness/watch-page.js';

describe('behind nginx', { timeout: 120_000 }, () => {
  let program, stream, nginx, browser, watchPage, context;
  before(async () => {
    [program, browser, watchPage] = await Promise.all([Program.start(), startChromium(), serveWatchPage()]);
    stream = await program.createStream();
    nginx = await Nginx.start(program.url);
  });
  after(async () => {
    await browser?.close();
    watchPage?.close();
    await nginx?.stop();
    await program?.stop();
  });
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(() => context.close());

  for (const [protocol, address] of [['HTTP/1.1', 'plainUrl'], ['HTTP/2.0', 'tlsUrl']]) {
    for (const how of ['core', 'eventSource']) {
      test(`an event arrives within two seconds over ${protocol} (${how})`, async () => {
        const line = `${protocol} 200 /v1/events/subscribe`;
        const timesWritten = () => nginx.requests().filter((written) => written === line).length;
        const timesBefore = timesWritten();
        const page = await watch(context, watchPage.url, how, nginx[address]);
        await untilMoreSeen(page, 1);
        const [id] = await program.topUp(stream);
        await page.waitForFunction((id) => window.seen.includes(id), id, { timeout: 2_000 });
        await assertNothingMissed(page, program);
        // nginx writes a request down when it is over.
        await page.close();
        await until(`nginx writes down ${line}`, () => timesWritten() > timesBefore);
      });
    }
  }

  test('our connection comes back when nginx answered 502, and a native EventSource ends for good', async () => {
    const ours = await watch(context, watchPage.url, 'core', nginx.plainUrl);
    const native = await watch(context, watchPage.url, 'eventSource', nginx.plainUrl);
    await Promise.all([untilMoreSeen(ours, 1), untilMoreSeen(native, 1)]);
    await program.kill();
    // By the standard whatever is not 200 fails the connection, and then there is no coming back.
    await native.waitForFunction(() => window.source.readyState === EventSource.CLOSED);
    assert.ok(nginx.requests().includes('HTTP/1.1 502 /v1/events/subscribe'));

    await program.startAgain();
    await untilSeen(ours, await program.newestId());
    await untilMoreSeen(ours, 1);
    await assertNothingMissed(ours, program);
    assert.equal(await native.evaluate(() => window.source.readyState), 2);
  });
});
