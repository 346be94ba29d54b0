// The page at `/` while the service is away: its data are old, and it says so.
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
  // Enough events to make their list as high as the window allows.
  const other = await program.createStream();
  await Promise.all(Array.from({ length: 20 }, () => program.topUp(other)));
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

const claimable = (page, part) => page.locator(part).innerText();

/** Returns the opacity of an element, multiplied by that of all its ancestors. */
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

/** Returns how many seconds ago the page last heard from the service, as the page says. */
async function lastHeardSecondsAgo(page) {
  const [, seconds] = /Last heard (\d+) seconds? ago/.exec(await page.locator('#freshness-why').innerText()) ?? [];
  return Number(seconds);
}

/** Returns the headers of cards that are too low for their content. */
const cutHeads = (page) =>
  page.locator('.head:visible').evaluateAll((heads) => heads.filter((head) => head.scrollHeight > head.clientHeight + 1).map((head) => head.innerText));

const SECONDS_OF_DAY = 86_400;

/** Returns the second of the day in `as of 13:22:14 UTC`. */
function secondOf(text) {
  const [hours, minutes, seconds] = text.match(/\d\d/g).map(Number);
  return hours * 3_600 + minutes * 60 + seconds;
}

test('dims old data, says how old they are, and stops its counters', { timeout }, async () => {
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
    await until(`${section} shows the time of its data`, async () => AS_OF.test(await asOf.innerText()));
    assert.match(await page.locator('#network .as-of').innerText(), AS_OF);
    assert.ok((await opacity(page, `${section} ${part}`)) < 1, 'old data are dimmed');
    assert.ok((await opacity(page, '#network-facts')) < 1, 'the facts are dimmed');
    assert.ok((await opacity(page, `${section} .badge`)) >= 0.5, 'dimmed text can be read');
    const assertIsOfThatTime = async () => {
      const [said, amount] = [await asOf.innerText(), await claimable(page, number)];
      const accruedSeconds = Number(/^[\d,]+/.exec(amount)[0].replaceAll(',', '')) / Number(record.ratePerSecond);
      const second = (record.lastUpdateTime + accruedSeconds) % SECONDS_OF_DAY;
      assert.equal(second, secondOf(said), `${amount} is what can be claimed ${said}`);
    };
    await assertIsOfThatTime();
    assert.deepEqual(await cutHeads(page), [], 'the time of the data can be read');
    const before = await lastHeardSecondsAgo(page);
    await until('the page keeps counting', async () => (await lastHeardSecondsAgo(page)) >= before + 2);
    await assertIsOfThatTime();
    assert.doesNotMatch(await page.locator('.connection').innerText(), /nothing missed/);
  }

  await program.startAgain();
  await Promise.all([untilTicking(list, row), untilTicking(stream, '#claimable')]);
  await until('no data are old any more', async () => (await list.locator('.as-of:visible').count()) === 0);
  assert.equal(await opacity(list, '#streams table'), 1);
});
