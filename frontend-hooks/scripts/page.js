// Writes the built-in page's copy of the rule of accrual anew, or checks that what is committed is fresh: the page has no
// build step, so it gets the rule without its types.
// Usage: node scripts/page.js write|check
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const RULE = new URL('../src/core/accrual.ts', import.meta.url);
const COPY = new URL('../../src/http/page/accrual.js', import.meta.url);

const head = '// Made from frontend-hooks/src/core/accrual.ts by `npm run page`; not to be edited.\n\n';
const compilerOptions = { target: 'ES2022', module: 'ESNext', verbatimModuleSyntax: true };
const fresh = head + ts.transpileModule(readFileSync(RULE, 'utf8'), { compilerOptions }).outputText;

switch (process.argv[2]) {
  case 'write':
    writeFileSync(COPY, fresh);
    break;
  case 'check':
    if (readFileSync(COPY, 'utf8') !== fresh) {
      console.error('src/http/page/accrual.js is stale: npm run page in frontend-hooks');
      process.exitCode = 1;
    }
    break;
  default:
    console.error('usage: node scripts/page.js write|check');
    process.exitCode = 64;
}
