// Fetches what events changed, no more often than needed.

import { isDenied } from './api.js';

const AGAIN_AFTER_MS = 3_000;

/** Runs `work` soon after it is requested, never twice at once, and at most once in `gapMs`: a burst of events becomes
    one request a second. Failures are retried, unless the caller is not allowed. */
export class Refetch {
  #work; #gapMs; #failed; #timer = null; #running = null; #isWanted = false; #notBefore = 0;

  constructor(work, gapMs, failed) {
    this.#work = work;
    this.#gapMs = gapMs;
    this.#failed = failed;
  }

  /** Runs it soon. */
  ask() {
    this.#isWanted = true;
    if (this.#timer === null && this.#running === null) this.#wait(Math.max(this.#notBefore - performance.now(), 60));
  }

  /** Runs it at once. A running fetch is dropped, because it was for something else. */
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
