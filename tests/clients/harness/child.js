import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';

/** A process that ends with the test, and whose output goes to a file. */
export class Child {
  #process;

  constructor(command, args, { logFile, env = process.env, cwd }) {
    const log = openSync(logFile, 'a');
    this.#process = spawn(command, args, { stdio: ['ignore', log, log], env, cwd });
    closeSync(log);
    this.#process.on('error', () => {});
    process.on('exit', () => this.#process.kill('SIGKILL'));
  }

  get isOver() {
    return this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async end(signal = 'SIGTERM') {
    if (this.isOver) return;
    const over = once(this.#process, 'exit');
    this.#process.kill(signal);
    await over;
  }
}

/** Returns a port of the loopback address that nobody listens on. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
