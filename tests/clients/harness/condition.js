const LOOK_AGAIN_MS = 50;

/** Asks until the answer is truthy, and returns it; throws `what` when it is not within the deadline. */
export async function until(what, ask, withinMs = 30_000) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
