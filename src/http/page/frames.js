// The event stream's wire format (WHATWG HTML, 9.2), as far as our server uses it.

/** Cuts what arrives into frames and hands each to `take` as `{ id, type, data }`; `id` is null where none was given. */
export class FrameReader {
  #take; #rest = ''; #frame = { id: null, type: '', data: null };

  constructor(take) { this.#take = take; }

  /** How long to wait before coming back, where the server said so. */
  retryMs = null;

  push(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  #line(line) {
    if (line === '') { this.#end(); return; }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    const frame = this.#frame;
    if (name === 'id') frame.id = value;
    else if (name === 'event') frame.type = value;
    else if (name === 'data') frame.data = frame.data === null ? value : `${frame.data}\n${value}`;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #end() {
    const frame = this.#frame;
    this.#frame = { id: null, type: '', data: null };
    if (frame.id !== null || frame.data !== null) this.#take(frame);
  }
}
