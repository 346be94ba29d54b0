// Prints the size of the built package, minified and compressed, and fails where it is over its bound.
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const PARTS = [
  {
    name: 'core: connect, tickets, accrual',
    entry: "export { claimableAt, connect, sessionLastIds, StreamError, ticketsFrom } from './dist/index.js';",
    mostBytes: 4_608,
  },
  {
    name: 'all: core, sharing among tabs, hooks',
    entry: "export * from './dist/index.js'; export * from './dist/react.js';",
    mostBytes: 9_216,
  },
];

for (const { name, entry, mostBytes } of PARTS) {
  const bytes = await packedBytes(entry);
  console.log(`${name}: ${bytes} of ${mostBytes} bytes, minified and gzipped`);
  if (bytes > mostBytes) process.exitCode = 1;
}

async function packedBytes(entry) {
  const whole = {
    name: 'whole',
    resolveId: (id) => (id === 'whole' ? `${process.cwd()}/whole.js` : null),
    load: (id) => (id.endsWith('/whole.js') ? entry : null),
  };
  const bundle = await rolldown({ input: 'whole', external: ['react'], plugins: [whole], logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  return gzipSync(output[0].code, { level: 9 }).length;
}
