// The connection to the event stream. Whenever it ends, it is opened again after the last event id.

import { bounded, isDenied } from './api.js';
import { subscribe } from './subscription.js';

/** How a connection ended, and after how long to reconnect; never, if the caller was refused. */
const come = (afterMs, refusal = null) => ({ afterMs, refusal });

export class Feed {
  #told; #failures = 0; #current = null; #wake = () => {};

  /** `told` hears `state(name)`, `blocks(list)` and `denied(refusal)`; its `lastId()` is the id to resume from. */
  constructor(told) { this.#told = told; }

  open() {
    const current = this.#current = new AbortController();
    this.#keepOpen(current);
  }

  close() {
    this.#current?.abort();
    this.#current = null;
    this.#wake();
  }

  /** Reconnects at once instead of waiting. */
  hurry() { this.#wake(); }

  async #keepOpen(current) {
    this.#told.state('connecting');
    while (this.#current === current) {
      const end = await this.#connect(current);
      if (this.#current !== current) return;
      if (end.refusal) {
        this.close();
        this.#told.denied(end.refusal);
        return;
      }
      this.#told.state('reconnecting');
      await this.#pause(end.afterMs);
    }
  }

  #pause(ms) {
    return new Promise(done => {
      const timer = setTimeout(done, ms);
      this.#wake = () => { clearTimeout(timer); done(); };
    });
  }

  #backOff() {
    const ms = Math.min(30_000, 1_000 * 2 ** Math.min(this.#failures, 5));
    this.#failures += 1;
    return come(ms * (0.5 + Math.random() / 2));
  }

  async #connect({ signal }) {
    try {
      const retryMs = await subscribe('all=true', { lastId: this.#told.lastId(), signal, take: blocks => this.#take(blocks) });
      return retryMs === null ? this.#backOff() : come(bounded(retryMs));
    } catch (error) {
      if (isDenied(error)) return come(0, error);
      return error.retryAfterMs ? come(error.retryAfterMs) : this.#backOff();
    }
  }

  #take(blocks) {
    if (blocks.some(({ type }) => type === 'connected')) {
      this.#failures = 0;
      this.#told.state('open');
    }
    this.#told.blocks(blocks);
  }
}
