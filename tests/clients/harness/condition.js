const LOOK_AGAIN_MS = 50;

/** Far more than the busiest machine needs for one step: only a failing test waits this long. */
export const DEADLINE_MS = 120_000;

/** The same for a whole file of tests. */
export const LONGEST_MS = 1_800_000;

/**
 * Calls `ask` until it returns a truthy value, and returns that. Throws an error that names `what` after the deadline.
 */
export async function until(what, ask, withinMs = DEADLINE_MS) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
