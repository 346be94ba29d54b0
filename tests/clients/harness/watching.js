import assert from 'node:assert/strict';

/** Opens the page of `watch.jsx` and makes it watch every event. */
export async function watch(context, pageUrl, how, serviceUrl) {
  const page = await context.newPage();
  await page.goto(pageUrl);
  await page.evaluate(([how, url]) => window.watch[how](url), [how, serviceUrl]);
  return page;
}

/** Returns the ids that the page saw, in the order in which it saw them. */
export function idsSeen(page) {
  return page.evaluate(() => window.seen);
}

/** Waits until the page has seen this many more events than now. */
export async function untilMoreSeen(page, count) {
  const before = await page.evaluate(() => window.seen.length);
  await page.waitForFunction((wanted) => window.seen.length >= wanted, before + count);
}

/** Waits until the page has seen this event or a later one. */
export async function untilSeen(page, id) {
  await page.waitForFunction((id) => window.seen.some((seen) => seen >= id), id);
}

/** Checks that the page saw every event from its first to its last, each once and in order. */
export async function assertNothingMissed(page, program) {
  const ids = await idsSeen(page);
  assert.deepEqual(ids, await program.idsBetween(ids[0], ids.at(-1)));
}
