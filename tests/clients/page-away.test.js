// The page at `/` while the service is away: what it shows is old, and it says so.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, startChromium } from './harness/chromium.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';

const timeout = LONGEST_MS;
const AS_OF = /^as of \d\d:\d\d:\d\d UTC$/;
let program, browser;
before(async () => {
  [program, browser] = await Promise.all([Program.start(['--devnet-scenario=false']), startChromium()]);
  await program.createStream();
  // So many events that their list is as high as the window lets it be.
  const other = await program.createStream();
  await Promise.all(Array.from({ length: 20 }, () => program.topUp(other)));
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

const claimable = (page, part) => page.locator(part).innerText();

/** Returns how opaque a part is, with all that it stands in. */
const opacity = (page, part) =>
  page.locator(part).first().evaluate((element) => {
    let product = 1;
    for (let at = element; at !== null; at = at.parentElement) product *= Number(getComputedStyle(at).opacity);
    return product;
  });

async function untilTicking(page, part) {
  const first = await claimable(page, part);
  await until(`${part} ticks`, async () => (await claimable(page, part)) !== first);
}

/** Returns how long ago the page says that it heard of the service last. */
async function lastHeardSecondsAgo(page) {
  const [, seconds] = /Last heard (\d+) seconds? ago/.exec(await page.locator('#freshness-why').innerText()) ?? [];
  return Number(seconds);
}

/** Returns the heads of cards that are not high enough for what stands in them. */
const cutHeads = (page) =>
  page.locator('.head:visible').evaluateAll((heads) => heads.filter((head) => head.scrollHeight > head.clientHeight + 1).map((head) => head.innerText));

const SECONDS_OF_DAY = 86_400;

/** Returns the second of the day in `as of 13:22:14 UTC`. */
function secondOf(text) {
  const [hours, minutes, seconds] = text.match(/\d\d/g).map(Number);
  return hours * 3_600 + minutes * 60 + seconds;
}

test('dims what is old, says as of when it is, and counts nothing on', { timeout }, async () => {
  const record = await program.indexedStream(1);
  const list = await newPage(browser, { timezoneId: 'UTC' });
  const stream = await newPage(browser, { timezoneId: 'UTC' });
  await Promise.all([list.goto(`${program.url}/#streams`), stream.goto(`${program.url}/#stream/1`)]);
  const row = 'tr[data-stream="1"] [data-cell=claimable]';
  await Promise.all([untilTicking(list, row), untilTicking(stream, '#claimable')]);
  assert.equal(await list.locator('.as-of:visible').count(), 0);

  await program.kill();
  for (const [page, section, part, number] of [
    [list, '#streams', 'table', row],
    [stream, '#stream', '.big', '#claimable'],
  ]) {
    const asOf = page.locator(`${section} .as-of`);
    await until(`${section} says as of when`, async () => AS_OF.test(await asOf.innerText()));
    assert.match(await page.locator('#network .as-of').innerText(), AS_OF);
    assert.ok((await opacity(page, `${section} ${part}`)) < 1, 'what is old is dimmed');
    assert.ok((await opacity(page, '#network-facts')) < 1, 'the facts are dimmed');
    assert.ok((await opacity(page, `${section} .badge`)) >= 0.5, 'what is dimmed can be read');
    const assertIsOfThatTime = async () => {
      const [said, amount] = [await asOf.innerText(), await claimable(page, number)];
      const accruedSeconds = Number(/^[\d,]+/.exec(amount)[0].replaceAll(',', '')) / Number(record.ratePerSecond);
      const second = (record.lastUpdateTime + accruedSeconds) % SECONDS_OF_DAY;
      assert.equal(second, secondOf(said), `${amount} is what can be claimed ${said}`);
    };
    await assertIsOfThatTime();
    assert.deepEqual(await cutHeads(page), [], 'as of when it is can be read');
    const before = await lastHeardSecondsAgo(page);
    await until('the page has gone on', async () => (await lastHeardSecondsAgo(page)) >= before + 2);
    await assertIsOfThatTime();
    assert.doesNotMatch(await page.locator('.connection').innerText(), /nothing missed/);
  }

  await program.startAgain();
  await Promise.all([untilTicking(list, row), untilTicking(stream, '#claimable')]);
  await until('nothing is old any more', async () => (await list.locator('.as-of:visible').count()) === 0);
  assert.equal(await opacity(list, '#streams table'), 1);
});
