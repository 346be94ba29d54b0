import { createServer, request } from 'node:http';
import { once } from 'node:events';

const pageOf = (status) => ({ status, headers: { 'content-type': 'text/html' }, body: `<h1>${status}</h1>` });

/** A proxy that answers the first requests itself, and passes the others on. */
export class RefusingProxy {
  #server;

  /** The first answers are a status with a page for people, or `{ status, headers, body }`. */
  static async start(target, answers) {
    const proxy = new RefusingProxy();
    proxy.left = [...answers];
    /** When each request came, in milliseconds. */
    proxy.askedAtMs = [];
    proxy.#server = createServer((asked, answer) => proxy.#answer(target, asked, answer)).listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  #answer(target, asked, answer) {
    this.askedAtMs.push(performance.now());
    const own = this.left.shift();
    if (own !== undefined) {
      const { status, headers, body } = typeof own === 'number' ? pageOf(own) : own;
      answer.writeHead(status, headers).end(body);
      return;
    }
    const passedOn = request(target + asked.url, { method: asked.method, headers: asked.headers }, (from) => {
      answer.writeHead(from.statusCode, from.headers).flushHeaders();
      from.pipe(answer);
    });
    passedOn.on('error', () => answer.destroy());
    answer.on('close', () => passedOn.destroy());
    asked.pipe(passedOn);
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
