// The picture of a schedule: the withdrawn, the claimable and the remaining amount over time.

import { make, setData, setText } from './dom.js';
import { shapeOf } from './schedule-shape.js';
import { dateText } from './times.js';

const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [1000, 100];

/** Builds an SVG element. Shapes are stretched to the width of the page, but strokes are not, so dots are strokes. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const round = number => Math.round(number * 100) / 100;
const at = ([x, y]) => `${round(x * WIDTH)} ${round((1 - y) * HEIGHT)}`;
const pathOf = points => (points.length > 0 ? `M${points.map(at).join('L')}` : '');
const areaOf = points => (points.length > 0 ? `${pathOf([[points[0][0], 0], ...points, [points.at(-1)[0], 0]])}Z` : '');

const dot = ({ x, y, state }, kind) => draw('path', { class: kind, 'data-state': state, d: `M${at([x, y])}h0` });

/** The picture of one stream. */
export class SchedulePicture {
  element;
  #drawn = ''; #svg; #mark;
  #from = make('span');
  #to = make('span');
  #timed = make('p', {}, this.#from, this.#to);
  #untimed = make('span', {}, 'no date');

  constructor() {
    this.#svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.#mark = make('span', { class: 'mark' });
    const axis = make('div', { class: 'axis' }, this.#timed, this.#untimed);
    this.element = make('div', { class: 'picture' }, this.#mark, this.#svg, axis);
  }

  /** Draws the stream in its present state. The words above say the same to those who cannot see the picture. */
  show(stream, nowMs) {
    const shape = shapeOf(stream, nowMs);
    this.element.hidden = shape === null;
    if (shape === null) return;
    const [x] = shape.mark;
    setText(this.#from, dateText(shape.fromMs / 1000));
    setText(this.#to, dateText(Math.ceil(shape.toMs / 1000)));
    this.#timed.style.width = `${shape.width * 100}%`;
    this.#untimed.hidden = shape.width === 1;
    setText(this.#mark, stream.isActive ? 'now' : stream.status);
    setData(this.#mark, 'side', x > 0.5 ? 'left' : 'right');
    this.#mark.style.left = `${round(x * 100)}%`;
    const drawn = [pathOf(shape.past), pathOf(shape.ahead), shape.paid, JSON.stringify(shape.dots)].join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#svg.replaceChildren(...parts(shape));
  }
}

function parts({ past, ahead, paid, mark, dots, width }) {
  const untimed = width < 1 ? [draw('path', { class: 'untimed', d: `M${round(width * WIDTH)} 0V${HEIGHT}` })] : [];
  const top = round((1 - paid) * HEIGHT);
  const box = { y: top, width: WIDTH, height: HEIGHT - top, viewBox: `0 ${top} ${WIDTH} ${HEIGHT - top}`, preserveAspectRatio: 'none' };
  return [
    draw('path', { class: 'ahead', d: areaOf(ahead) }),
    draw('path', { class: 'ready', d: areaOf(past) }),
    draw('svg', box, draw('path', { class: 'paid', d: areaOf(past) })), // the inner box clips what was not withdrawn
    draw('path', { class: 'line', d: pathOf(past) }), draw('path', { class: 'line later', d: pathOf(ahead) }),
    ...untimed, draw('path', { class: 'now', d: `M${round(mark[0] * WIDTH)} 0V${HEIGHT}` }),
    ...dots.flatMap(point => [dot(point, 'dot'), ...(point.state === 'open' ? [] : [dot(point, 'hole')])]),
    dot({ x: mark[0], y: mark[1], state: 'now' }, 'dot'),
  ];
}
