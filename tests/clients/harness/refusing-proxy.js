import { createServer, request } from 'node:http';
import { once } from 'node:events';

/** A proxy that answers the first requests itself, with a page for people, and passes the others on. */
export class RefusingProxy {
  #server;

  /** `statuses` are those of the first answers. */
  static async start(target, statuses) {
    const proxy = new RefusingProxy();
    proxy.left = [...statuses];
    proxy.#server = createServer((asked, answer) => proxy.#answer(target, asked, answer)).listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  #answer(target, asked, answer) {
    const status = this.left.shift();
    if (status !== undefined) {
      answer.writeHead(status, { 'content-type': 'text/html' }).end(`<h1>${status}</h1>`);
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
