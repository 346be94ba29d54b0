// People paste the lines that `dev` prints into a shell when they first meet the program. They must work as printed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Child } from './harness/child.js';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';

const execute = promisify(execFile);
const LABELS = ['a token for all', 'every event', 'the streams', 'a new stream'];

/** Returns the printed commands by their labels. A command that ends in a backslash continues on the next line. */
function commandsIn(log) {
  const joined = log.replaceAll(/\\\n\s*/g, '');
  const found = LABELS.map((label) => [label, joined.match(new RegExp(`^  ${label} +(.+)$`, 'm'))?.[1]]);
  return Object.fromEntries(found.filter(([, command]) => command !== undefined));
}

/** Runs a printed command in a shell, after the command for a token if there is one. */
async function shell(commands, label) {
  const script = [commands['a token for all'], commands[label]].filter(Boolean).join('\n');
  return JSON.parse((await execute('bash', ['-ec', script])).stdout);
}

describe('the lines that dev prints work as printed', { timeout: LONGEST_MS, concurrency: false }, () => {
  const others = [['--token-max-ttl=10m'], ['--web-auth-domain=auth.example'], ['--token-audience=some one']];
  const ways = [['off'], ['optional'], ['required'], ...others.map((flags) => ['required', ...flags])];
  for (const [mode, ...flags] of ways) {
    test(`with --auth ${[mode, ...flags].join(' ')}`, async () => {
      const program = await Program.start([`--auth=${mode}`, '--devnet-scenario=false', ...flags]);
      const folder = mkdtempSync(join(tmpdir(), 'flowfi-lines-'));
      const logFile = join(folder, 'events');
      let subscriber;
      try {
        const commands = commandsIn(program.log());
        assert.deepEqual(Object.keys(commands), mode === 'off' ? LABELS.slice(1) : LABELS);
        const script = [commands['a token for all'], commands['every event']].filter(Boolean).join('\n');
        subscriber = new Child('bash', ['-ec', script], { logFile, isGroup: true });
        const heard = (text) => until(`the subscriber hears ${text}`, () => readFileSync(logFile, 'utf8').includes(text));
        await heard('event: connected');
        const created = await shell(commands, 'a new stream');
        assert.equal(created.streamId, '1');
        await heard(created.events.at(-1));
        const { data } = await shell(commands, 'the streams');
        assert.deepEqual(data.map(({ streamId }) => streamId), ['1']);
      } finally {
        await subscriber?.end();
        rmSync(folder, { recursive: true, force: true });
        await program.stop();
      }
    });
  }
});
