// The raw blocks of an event stream, oldest first.

import { count } from './amounts.js';
import { make, perFrame } from './dom.js';
import { timeText } from './times.js';

const NOTICES = new Set(['connected', 'reset', 'revised', 'changed', 'expired', 'resume']);

/** What kind of block it is, and its tone. */
function kindOf({ id, type, data, lines }) {
  if (data !== null) return NOTICES.has(type) ? ['notice', 'paused'] : ['event', 'active'];
  if (id !== null) return ['id only', 'ended'];
  return lines.every(line => line.startsWith(':')) ? ['heartbeat', ''] : ['field', ''];
}

/** JSON has no spaces. This lets a line break between fields rather than inside a number. */
const breakable = text => text.split(/(?<=,)/).flatMap(piece => [piece, make('wbr')]);

function itemOf({ block, atMs }) {
  const [kind, tone] = kindOf(block);
  return make('li', { 'data-kind': kind }, make('span', { class: `badge ${tone}` }, kind),
    make('time', { class: 'soft number' }, timeText(atMs)), make('pre', {}, ...breakable(block.lines.join('\n'))));
}

export class RawList {
  #element; #scroll; #keep; #changed; #waiting = [];
  #received = 0;
  #flush = perFrame(() => this.#show());

  /** Keeps `keep` blocks in a list inside the element `scroll`, and calls `changed` when the shown blocks change. */
  constructor(element, scroll, keep, changed) {
    this.#element = element;
    this.#scroll = scroll;
    this.#keep = keep;
    this.#changed = changed;
  }

  add(blocks) {
    const atMs = Date.now();
    this.#received += blocks.length;
    this.#waiting = [...this.#waiting, ...blocks.map(block => ({ block, atMs }))].slice(-this.#keep);
    this.#flush();
  }

  clear() {
    this.#received = 0;
    this.#waiting = [];
    this.#element.replaceChildren();
    this.#changed();
  }

  get countText() {
    if (this.#received === 0) return '';
    const { childElementCount } = this.#element;
    const leftOut = this.#received - childElementCount - this.#waiting.length;
    const shown = `${count(childElementCount)} block${childElementCount === 1 ? '' : 's'} shown`;
    return leftOut > 0 ? `${shown}, ${count(leftOut)} older left out` : shown;
  }

  /** A reader at the newest block stays at the newest; one who scrolled back stays there. */
  #show() {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroll;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - 4;
    this.#element.append(...this.#waiting.splice(0).map(itemOf));
    while (this.#element.childElementCount > this.#keep) this.#element.firstChild.remove();
    if (isAtEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#changed();
  }
}
