import { createServer } from 'node:http';
import { once } from 'node:events';
import { rolldown } from 'rolldown';

const ENTRY = new URL('../page/watch.jsx', import.meta.url).pathname;
const HTML = `<!doctype html>
<meta charset="utf-8">
<title>watch</title>
<body><script type="module" src="/watch.js"></script></body>`;

/** Serves the page with which tests watch events, from another origin than the program's. */
export async function serveWatchPage() {
  const script = await bundled();
  const server = createServer((request, response) => {
    const isScript = request.url === '/watch.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : HTML);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function bundled() {
  const bundle = await rolldown({
    input: ENTRY,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  });
  const { output } = await bundle.generate({ format: 'esm' });
  return output[0].code;
}
