// Behind an nginx that was told nothing of event streams: `X-Accel-Buffering: no` must be enough.
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
    // Nothing happens by itself, so that an event which nginx holds back stays there: no other pushes it out.
    const starting = Program.start(['--devnet-scenario=false']);
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

  /** Opens the page and waits until the service has its subscription. */
  async function subscribed(how, url) {
    const before = await program.connections();
    const page = await watch(context, watchPage.url, how, url);
    await until('the page has subscribed', async () => (await program.connections()) > before);
    return page;
  }

  for (const [protocol, address] of [['HTTP/1.1', 'plainUrl'], ['HTTP/2.0', 'tlsUrl']]) {
    for (const how of ['core', 'eventSource']) {
      test(`an event arrives though none comes after it, over ${protocol} (${how})`, async () => {
        const line = `${protocol} 200 /v1/events/subscribe`;
        const timesWritten = () => nginx.requests().filter((written) => written === line).length;
        const timesBefore = timesWritten();
        const page = await subscribed(how, nginx[address]);
        await untilSeen(page, (await program.topUp(stream)).at(-1));
        await assertNothingMissed(page, program);
        // nginx writes a request down when it is over.
        await page.close();
        await until(`nginx writes down ${line}`, () => timesWritten() > timesBefore);
        await until('the subscription is over', async () => (await program.connections()) === 0);
      });
    }
  }

  test('our connection comes back when nginx answered 502, and a native EventSource ends for good', async () => {
    const ours = await subscribed('core', nginx.plainUrl);
    const native = await subscribed('eventSource', nginx.plainUrl);
    const id = (await program.topUp(stream)).at(-1);
    await Promise.all([untilSeen(ours, id), untilSeen(native, id)]);
    await program.kill();
    // By the standard whatever is not 200 fails the connection, and then there is no coming back.
    await native.waitForFunction(() => window.source.readyState === EventSource.CLOSED);
    await until('nginx writes down that it answered 502', () => {
      return nginx.requests().includes('HTTP/1.1 502 /v1/events/subscribe');
    });

    await program.startAgain();
    await untilSeen(ours, (await program.topUp(stream)).at(-1));
    await assertNothingMissed(ours, program);
    assert.equal(await native.evaluate(() => window.source.readyState), 2);
  });
});
