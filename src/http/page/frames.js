// The wire format of the event stream (WHATWG HTML, 9.2), as far as our server uses it.

const blank = () => ({ id: null, type: '', data: null, lines: [] });

/** Whether a block has content: a heartbeat is a comment and has none. */
export const saysSomething = ({ id, data }) => id !== null || data !== null;

/** Splits the arriving text into blocks. */
export class FrameReader {
  #rest = ''; #frame = blank(); #ended = [];

  /** How long to wait before reconnecting, if the server said so. */
  retryMs = null;

  /** Returns the blocks that end in this text, as `{ id, type, data, lines }`. `id` and `data` are null if a block has
      none; `lines` are its unparsed lines. */
  push(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
    return this.#ended.splice(0);
  }

  #line(line) {
    if (line === '') { this.#end(); return; }
    const frame = this.#frame;
    frame.lines.push(line);
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'id') frame.id = value;
    else if (name === 'event') frame.type = value;
    else if (name === 'data') frame.data = frame.data === null ? value : `${frame.data}\n${value}`;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #end() {
    const frame = this.#frame;
    this.#frame = blank();
    if (frame.lines.length > 0) this.#ended.push(frame);
  }
}
