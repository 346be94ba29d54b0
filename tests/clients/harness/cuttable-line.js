import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A line to the program that a test can cut: open connections break, and new ones are refused until it is mended. */
export class CuttableLine {
  #server = createServer((incoming) => this.#join(incoming));
  #open = new Set();
  #toPort;
  #port;

  static async to(port) {
    const line = new CuttableLine();
    line.#toPort = port;
    await line.#listen(0);
    line.#port = line.#server.address().port;
    line.url = `http://127.0.0.1:${line.#port}`;
    return line;
  }

  async cut() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#open.forEach((socket) => socket.destroy());
    await closed;
  }

  mend() {
    return this.#listen(this.#port);
  }

  async #listen(port) {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #join(incoming) {
    const outgoing = connect(this.#toPort, '127.0.0.1');
    for (const [one, other] of [[incoming, outgoing], [outgoing, incoming]]) {
      this.#open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
  }
}
