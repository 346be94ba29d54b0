import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BINARY } from './program.js';

/** Makes a token with the key of a program, for `somebody` unless the arguments contain `--sub=`. */
export function tokenOf(program, ...args) {
  const secret = `--token-secret-file=${join(program.dataFolder, 'token-secret')}`;
  const home = `--home-domains=localhost:${program.port}`;
  const subject = args.some((argument) => argument.startsWith('--sub=')) ? [] : ['--sub=somebody'];
  return execFileSync(BINARY, ['token', secret, home, ...subject, ...args], { encoding: 'utf8' }).trim();
}
