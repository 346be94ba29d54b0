// The connection to the event stream: one streaming request with the token in its head, resumed by the last event id.

import { isDenied, refusalOf, refuseWithoutToken } from './api.js';
import { perFrame } from './dom.js';
import { FrameReader } from './frames.js';
import { tokenHeaders } from './token.js';

/** The server says something every 15 s unless told otherwise: a connection that is silent for so long is dead. */
const SILENCE_MS = 45_000;
const NOTICES = new Set(['connected', 'reset', 'revised', 'expired']);

/** How a connection ended, and after how long to come back; never, where the caller was refused. */
const come = (afterMs, refusal = null) => ({ afterMs, refusal });

export class Feed {
  lastId = null;
  seen = 0;
  #told; #failures = 0; #current = null; #wake = () => {}; #waiting = [];
  #flush = perFrame(() => this.#told.events(this.#waiting.splice(0)));

  /** `told` hears: `state(name)`, `opened(isResumed)`, `events(list)`, `moved()`, `reset()`, `revised()`,
      `expired(reason)`, `denied(refusal)`. */
  constructor(told) { this.#told = told; }

  /** Opens the feed, or opens it anew, after the last event seen. */
  open() {
    this.#current?.abort();
    this.#wake();
    this.#failures = 0;
    const current = this.#current = new AbortController();
    this.#keepOpen(current);
  }

  get isOpen() { return this.#current !== null; }

  close(state) {
    this.#current?.abort();
    this.#current = null;
    this.#wake();
    this.#told.state(state);
  }

  /** Comes back at once instead of waiting. */
  hurry() { this.#wake(); }

  async #keepOpen(current) {
    this.#told.state('connecting');
    while (this.#current === current) {
      const end = await this.#connect(current);
      if (this.#current !== current) return;
      if (end.refusal) {
        this.close('denied');
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

  async #connect(current) {
    const connection = new AbortController();
    const signal = AbortSignal.any([current.signal, connection.signal]);
    const headers = { accept: 'text/event-stream', ...tokenHeaders(), ...(this.lastId === null ? {} : { 'last-event-id': this.lastId }) };
    try {
      refuseWithoutToken();
      const answer = await fetch('v1/events/subscribe?all=true', { headers, signal, cache: 'no-store' });
      if (answer.ok && answer.headers.get('content-type')?.startsWith('text/event-stream')) {
        return await this.#read(answer.body, connection, current);
      }
      throw await refusalOf(answer);
    } catch (error) {
      if (isDenied(error)) return come(0, error);
      return error.retryAfterMs ? come(error.retryAfterMs) : this.#backOff();
    }
  }

  /** Reads until the stream ends: then the server said when to come back. Throws where the connection breaks. */
  async #read(body, connection, current) {
    const frames = new FrameReader(frame => this.#take(frame));
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let watchdog;
    try {
      for (;;) {
        watchdog = setTimeout(() => connection.abort(), SILENCE_MS);
        const { done, value } = await reader.read();
        clearTimeout(watchdog);
        if (this.#current !== current) return come(0);
        if (done) return frames.retryMs === null ? this.#backOff() : come(frames.retryMs);
        frames.push(value);
      }
    } finally {
      clearTimeout(watchdog);
      connection.abort();
    }
  }

  #take({ id, type, data }) {
    const wasResumed = this.lastId !== null;
    if (id !== null) this.lastId = id;
    if (data === null) this.#told.moved();
    else if (NOTICES.has(type)) this.#takeNotice(type, JSON.parse(data), wasResumed);
    else {
      this.seen += 1;
      this.#waiting.push(JSON.parse(data));
      this.#flush();
    }
  }

  #takeNotice(type, data, wasResumed) {
    if (type === 'connected') {
      this.#failures = 0;
      this.#told.state('open');
      this.#told.opened(wasResumed);
    } else if (type === 'reset') {
      this.#waiting = [];
      this.#told.reset();
    } else if (type === 'revised') this.#told.revised();
    else this.#told.expired(data.reason);
  }
}
