import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, TARGET } from './program.js';

export const DOCUMENT = join(ROOT, 'openapi/openapi.json');
export const TESTS = join(ROOT, 'tests/clients');

const execute = promisify(execFile);
const PYTHON = join(TARGET, 'clients-python/bin');

/** Runs a tool to its end and returns its output. If it fails, throws with all of its output. */
export async function run(command, args, env = {}) {
  try {
    const path = `${PYTHON}:${join(TESTS, 'node_modules/.bin')}:${process.env.PATH}`;
    return (await execute(command, args, { cwd: TESTS, env: { ...process.env, PATH: path, ...env } })).stdout;
  } catch ({ message, stdout, stderr }) {
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}
