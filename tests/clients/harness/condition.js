const LOOK_AGAIN_MS = 50;

/** Far beyond what the busiest machine needs for one thing: only a test that fails waits this long. */
export const DEADLINE_MS = 120_000;

/** The same for all that one file of tests does. */
export const LONGEST_MS = 1_800_000;

/** Asks until the answer is truthy, and returns it; throws `what` when it is not within the deadline. */
export async function until(what, ask, withinMs = DEADLINE_MS) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
