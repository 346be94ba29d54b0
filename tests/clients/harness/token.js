import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BINARY } from './program.js';

/** Makes a token with a program's own key. */
export function tokenOf(program, ...args) {
  const secret = `--token-secret-file=${join(program.dataFolder, 'token-secret')}`;
  const home = `--home-domain=localhost:${program.port}`;
  return execFileSync(BINARY, ['token', secret, home, '--sub=somebody', ...args], { encoding: 'utf8' }).trim();
}
