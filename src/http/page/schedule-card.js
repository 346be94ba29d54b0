// The schedule of a stream: in words, as a picture, and as a list of steps.

import { make } from './dom.js';
import { SchedulePicture } from './schedule-picture.js';
import { scheduleNodes, stepItems } from './schedule-words.js';

export class ScheduleCard {
  element;
  #words = make('p', { id: 'schedule-words' });
  #picture = new SchedulePicture();
  #steps = make('ol', { class: 'steps', hidden: '' });

  constructor() {
    this.element = make('div', { class: 'schedule', id: 'schedule' }, this.#words, this.#picture.element, this.#steps);
  }

  /** Shows the schedule in its present state. */
  show(stream, nowMs) {
    const nodes = scheduleNodes(stream, nowMs);
    this.element.hidden = nodes.length === 0;
    if (nodes.length === 0) return;
    replace(this.#words, nodes);
    this.#picture.show(stream, nowMs);
    const steps = stream.schedule.kind === 'steps' ? stepItems(stream, nowMs) : [];
    this.#steps.hidden = steps.length === 0;
    replace(this.#steps, steps);
  }
}

/** Replaces the children of an element only if they differ, so that a selection survives. */
function replace(element, nodes) {
  const fresh = make(element.tagName, {}, ...nodes);
  const [before, after] = [[...element.childNodes], [...fresh.childNodes]];
  const isSame = before.length === after.length && before.every((node, place) => node.isEqualNode(after[place]));
  if (!isSame) element.replaceChildren(...after);
}
