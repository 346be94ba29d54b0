// Writes src/api.ts anew from the service's OpenAPI document, or checks that what is committed is fresh.
// Usage: node scripts/api.js write|check
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTypescript, { astToString } from 'openapi-typescript';

const DOCUMENT = new URL('../../openapi/openapi.json', import.meta.url);
const TYPES = new URL('../src/api.ts', import.meta.url);

const head = '// Made from openapi/openapi.json by `npm run api`; not to be edited.\n\n';
const fresh = head + astToString(await openapiTypescript(DOCUMENT));

switch (process.argv[2]) {
  case 'write':
    writeFileSync(TYPES, fresh);
    break;
  case 'check':
    if (readFileSync(TYPES, 'utf8') !== fresh) {
      console.error('src/api.ts is stale: npm run api');
      process.exitCode = 1;
    }
    break;
  default:
    console.error('usage: node scripts/api.js write|check');
    process.exitCode = 64;
}
