// Behind an nginx without any setting for event streams: `X-Accel-Buffering: no` must be enough.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { newContext, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Nginx } from './harness/nginx.js';
import { Program } from './harness/program.js';
import { assertNothingMissed, untilSeen, watch } from './harness/watching.js';
import { serveWatchPage } from './harness/watch-page.js';

describe('behind nginx', { timeout: LONGEST_MS }, () => {
  let program, stream, nginx, browser, watchPage, context;
  before(async () => {
    // The network makes no events by itself. So an event that nginx holds back stays there: no later event pushes it
    // out. With the newer contract, the notice that a record was completed from the chain would.
    const starting = Program.start(['--devnet-scenario=false', '--devnet-contract-code=a']);
    [program, browser, watchPage] = await Promise.all([starting, startChromium(), serveWatchPage()]);
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
    context = await newContext(browser);
  });
  afterEach(() => context.close());

  /** Opens the page and waits until the service has accepted its subscription. */
  async function subscribed(how, url) {
    const before = await program.connections();
    const page = await watch(context, watchPage.url, how, url);
    await until('the page has subscribed', async () => (await program.connections()) > before);
    return page;
  }

  for (const [protocol, address] of [['HTTP/1.1', 'plainUrl'], ['HTTP/2.0', 'tlsUrl']]) {
    for (const how of ['core', 'eventSource']) {
      test(`an event arrives without a later one to push it out, over ${protocol} (${how})`, async () => {
        const line = `${protocol} 200 /v1/events/subscribe`;
        const timesWritten = () => nginx.requests().filter((written) => written === line).length;
        const timesBefore = timesWritten();
        const page = await subscribed(how, nginx[address]);
        await untilSeen(page, (await program.topUp(stream)).at(-1));
        await assertNothingMissed(page, program);
        // nginx logs a request when it ends.
        await page.close();
        await until(`nginx logs ${line}`, () => timesWritten() > timesBefore);
        await until('the subscription has ended', async () => (await program.connections()) === 0);
      });
    }
  }

  test('our connection recovers after nginx answered 502, where a native EventSource gives up for good', async () => {
    const ours = await subscribed('core', nginx.plainUrl);
    const native = await subscribed('eventSource', nginx.plainUrl);
    const id = (await program.topUp(stream)).at(-1);
    await Promise.all([untilSeen(ours, id), untilSeen(native, id)]);
    await program.kill();
    // The standard says that any status but 200 fails the connection, and that an EventSource then does not reconnect.
    await native.waitForFunction(() => window.source.readyState === EventSource.CLOSED);
    await until('nginx logs that it answered 502', () => {
      return nginx.requests().includes('HTTP/1.1 502 /v1/events/subscribe');
    });

    await program.startAgain();
    await untilSeen(ours, (await program.topUp(stream)).at(-1));
    await assertNothingMissed(ours, program);
    assert.equal(await native.evaluate(() => window.source.readyState), 2);
  });
});
