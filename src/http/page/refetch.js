// Fetching anew what events touched, as seldom as is enough.

import { isDenied } from './api.js';

const AGAIN_AFTER_MS = 3_000;

/** Runs `work` soon after it is asked for, never twice at once, and once in `gapMs` at most: a burst of events becomes a
    request a second. What fails is tried again, unless the caller may not. */
export class Refetch {
  #work; #gapMs; #failed; #timer = null; #running = null; #isWanted = false; #notBefore = 0;

  constructor(work, gapMs, failed) {
    this.#work = work;
    this.#gapMs = gapMs;
    this.#failed = failed;
  }

  /** Has it run soon. */
  ask() {
    this.#isWanted = true;
    if (this.#timer === null && this.#running === null) this.#wait(Math.max(this.#notBefore - performance.now(), 60));
  }

  /** Has it run at once; what runs now is dropped, it was for something else. */
  now() {
    this.stop();
    return this.#run();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#running?.abort();
    this.#running = null;
    this.#isWanted = false;
  }

  #wait(ms) {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#run();
    }, ms);
  }

  async #run() {
    const running = this.#running = new AbortController();
    this.#isWanted = false;
    let pauseMs = this.#gapMs;
    try {
      await this.#work(running.signal);
    } catch (error) {
      if (this.#running !== running) return;
      this.#failed(error);
      this.#isWanted = !isDenied(error) && error.status !== 404 && error.status !== 400;
      pauseMs = error.retryAfterMs ?? AGAIN_AFTER_MS;
    }
    if (this.#running !== running) return;
    this.#running = null;
    this.#notBefore = performance.now() + pauseMs;
    if (this.#isWanted) this.#wait(pauseMs);
  }
}
