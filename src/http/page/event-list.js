// A list of events: newest first, each event once, with a limited length.

import { flash } from './dom.js';
import { eventElement } from './kinds.js';

/** If more rows than this are new at once, none of them is highlighted. */
const MOST_FLASHES = 8;

export class EventList {
  #element; #keep; #items = [];

  /** The number of events that are no longer in the list, which keeps the newest. */
  leftOut = 0;

  constructor(element, keep) {
    this.#element = element;
    this.#keep = keep;
  }

  get length() { return this.#items.length; }

  /** The id of the last event shown, after which older ones continue. */
  get lastId() { return this.#items.at(-1)?.id ?? null; }

  /** Adds events in any order; ids sort as text. Returns whether some no longer fit. */
  add(events, isLive = false) {
    const newest = [...events].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, this.#keep);
    for (const event of newest.reverse()) this.#insert(event, isLive && newest.length <= MOST_FLASHES);
    const fallen = this.#items.splice(this.#keep);
    for (const { node } of fallen) node.remove();
    this.leftOut += events.length - newest.length + fallen.length;
    return fallen.length > 0;
  }

  #insert(event, isLit) {
    const found = this.#items.findIndex(item => item.id <= event.id);
    const at = found < 0 ? this.#items.length : found;
    if (this.#items[at]?.id === event.id) return;
    const node = eventElement(event);
    this.#element.insertBefore(node, this.#items[at]?.node ?? null);
    this.#items.splice(at, 0, { id: event.id, node });
    if (isLit) flash(node);
  }

  clear() {
    this.#element.replaceChildren();
    this.#items = [];
    this.leftOut = 0;
  }
}
