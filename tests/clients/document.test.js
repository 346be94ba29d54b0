// The OpenAPI document and the service agree: schemathesis sends requests that the document allows and requests that it
// forbids. schemathesis.toml lists what it must not send, with the reasons.
import { after, before, describe, test } from 'node:test';
import { LONGEST_MS } from './harness/condition.js';
import { Program } from './harness/program.js';
import { tokenOf } from './harness/token.js';
import { DOCUMENT, run } from './harness/tool.js';

// The routes for operators have a limit of their own, which `--requests-per-second=0` does not lift.
const UNLIMITED = '--limit-exemptions=127.0.0.1/32';

// With `--auth=off` no token helps: a missing one gives 403 instead of 401, and the operators' routes refuse everyone.
const LEFT_OUT_WITHOUT_TOKENS = ['--exclude-checks=missing_required_header', '--warnings=off'];

for (const [auth, leftOut] of [['off', LEFT_OUT_WITHOUT_TOKENS], ['required', []]]) {
  describe(`the service with --auth ${auth}`, { timeout: LONGEST_MS }, () => {
    let program;
    before(async () => {
      program = await Program.start([`--auth=${auth}`, UNLIMITED]);
      await program.createStream();
    });
    after(() => program?.stop());

    test('answers as the document says', async () => {
      const token = auth === 'off' ? 'none' : tokenOf(program, '--scopes=admin,events:read:all');
      const args = ['--config-file=schemathesis.toml', 'run', DOCUMENT, `--url=${program.url}`, ...leftOut];
      await run('schemathesis', args, { FLOWFI_TOKEN: token });
    });
  });
}
