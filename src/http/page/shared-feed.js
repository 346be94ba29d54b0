// The event stream as this tab receives it. A browser opens only six connections to a host, so the tabs share one: the
// leading tab holds it and passes on what arrives.

import { perFrame } from './dom.js';
import { Feed } from './feed.js';
import { saysSomething } from './frames.js';
import { TabGroup } from './tabs.js';
import { currentToken } from './token.js';

/** How often the leading tab announces itself, and after how long a silence another tab takes over. */
const BEAT_MS = 5_000;
const SILENCE_MS = 20_000;

/** `resume` says that the service ends this connection, because its client read nothing for too long. */
const NOTICES = new Set(['connected', 'reset', 'revised', 'changed', 'expired', 'resume']);

/** The sort key of an id: first the epoch of the network, then the position on the chain. */
function orderOf(id) {
  const [place, epoch = '0'] = id.split('.');
  return `${epoch.padStart(10, '0')} ${place}`;
}

const isAfter = (id, other) => other === null || orderOf(id) > orderOf(other);

export class SharedFeed {
  lastId = null;
  seen = 0;
  #told; #state = 'connecting'; #group = null; #feed = null; #silence; #waiting = [];
  #flush = perFrame(() => this.#told.events(this.#waiting.splice(0)));

  /** `told` hears: `state(name)`, `opened(isResumed)`, `events(list)`, `moved()`, `reset()`, `revised()`, `changed()`,
      `expired(reason)`, `denied(refusal)`. */
  constructor(told) { this.#told = told; }

  get isOpen() { return this.#group !== null; }

  /** Joins the group, or rejoins it with another token, after the last event seen. */
  open() {
    this.#leave();
    this.#become('connecting');
    this.#group = new TabGroup(currentToken(), { lead: signal => this.#lead(signal), hear: message => this.#hear(message) });
    this.#listen();
  }

  close(state) {
    this.#leave();
    this.#become(state);
  }

  /** Drops events that have not been passed on yet: they were for another token. */
  dropWaiting() { this.#waiting = []; }

  /** Starts over, for another caller. */
  forget() {
    this.dropWaiting();
    this.lastId = null;
    this.seen = 0;
  }

  /** Reconnects at once instead of waiting. */
  hurry() {
    if (this.#feed !== null) this.#feed.hurry();
    else this.#group?.post({ kind: 'hurry' });
  }

  #leave() {
    clearTimeout(this.#silence);
    this.#group?.leave();
    this.#group = null;
  }

  #become(state) {
    this.#state = state;
    this.#told.state(state);
  }

  /** Takes over from a tab that the browser has frozen, which keeps the lead and says nothing. */
  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      if (this.#feed === null && !document.hidden) this.#group.seize();
      this.#listen();
    }, SILENCE_MS);
  }

  /** Holds the connection and passes on what arrives, until the signal aborts. */
  #lead(signal) {
    if (signal.aborted) return Promise.resolve();
    const group = this.#group;
    const feed = new Feed({
      state: state => { group.post({ kind: 'state', state }); this.#become(state); },
      blocks: blocks => this.#handOn(group, blocks),
      denied: ({ status, message }) => {
        group.post({ kind: 'denied', refusal: { status, message } });
        this.#deny({ status, message });
      },
      lastId: () => this.lastId,
    });
    this.#feed = feed;
    feed.open();
    const beat = setInterval(() => group.post({ kind: 'alive' }), BEAT_MS);
    return new Promise(done => {
      signal.addEventListener('abort', () => {
        clearInterval(beat);
        feed.close();
        if (this.#feed === feed) this.#feed = null;
        done();
      });
    });
  }

  #handOn(group, blocks) {
    const frames = blocks.filter(saysSomething).map(({ id, type, data }) => ({ id, type, data }));
    if (frames.length === 0) return;
    group.post({ kind: 'frames', state: this.#state, before: this.lastId, frames });
    frames.forEach(frame => this.#take(frame));
  }

  #deny(refusal) {
    this.close('denied');
    this.#told.denied(refusal);
  }

  /** Handles a message from another tab. */
  #hear({ kind, state, before, frames, refusal }) {
    if (this.#feed !== null) {
      if (kind === 'hello') this.#group.post({ kind: 'frames', state: this.#state, before: this.lastId, frames: [] });
      if (kind === 'hurry') this.#feed.hurry();
      return;
    }
    this.#listen();
    if (kind === 'denied') this.#deny(refusal);
    if (state !== undefined && state !== this.#state) this.#become(state);
    if (kind === 'frames') this.#follow(before, frames);
  }

  /** Handles what the leading tab passes on. Anything missed before that is in the lists. */
  #follow(before, frames) {
    if (before !== null && isAfter(before, this.lastId)) {
      this.lastId = before;
      this.#told.opened(false);
    }
    frames.forEach(frame => this.#take(frame));
  }

  #take({ id, type, data }) {
    const wasResumed = this.lastId !== null;
    const isNotice = NOTICES.has(type);
    if (data !== null && !isNotice && id === null) return; // a notice that this version of the page does not know
    if (data !== null && !isNotice && !isAfter(id, this.lastId)) return; // it was passed on before
    if (id !== null) this.lastId = id;
    if (data === null) this.#told.moved();
    else if (isNotice) this.#takeNotice(type, JSON.parse(data), wasResumed);
    else {
      this.seen += 1;
      this.#waiting.push(JSON.parse(data));
      this.#flush();
    }
  }

  /** Acts on a notice. Nothing is to be done about `resume`: the connection is opened again after the last id anyway. */
  #takeNotice(type, data, wasResumed) {
    if (type === 'connected') this.#told.opened(wasResumed);
    else if (type === 'reset') {
      this.dropWaiting();
      this.#told.reset();
    } else if (type === 'revised') this.#told.revised();
    else if (type === 'changed') this.#told.changed();
    else if (type === 'expired') this.#told.expired(data.reason);
  }
}
