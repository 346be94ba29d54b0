import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.signal('SIGKILL')));

/**
 * A process that ends with the test, and whose output goes to a file. With `isGroup` what it started is ended with it:
 * a shell leaves that behind.
 */
export class Child {
  #process;
  #isGroup;

  constructor(command, args, { logFile, errorFile, env = process.env, cwd, isGroup = false }) {
    this.#isGroup = isGroup;
    const log = openSync(logFile, 'a');
    const errors = errorFile === undefined ? log : openSync(errorFile, 'a');
    this.#process = spawn(command, args, { stdio: ['ignore', log, errors], env, cwd, detached: isGroup });
    new Set([log, errors]).forEach((file) => closeSync(file));
    // One that could not be started is over from the beginning, which is what `isOver` says.
    this.#process.on('error', () => {});
    running.add(this);
    this.#process.on('exit', () => running.delete(this));
  }

  get isOver() {
    return this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async end(signal = 'SIGTERM') {
    if (this.isOver) return;
    const over = once(this.#process, 'exit');
    this.signal(signal);
    await over;
  }

  /** Signals it; a group bears the id of its first process. */
  signal(signal) {
    const { pid } = this.#process;
    if (!this.isOver) process.kill(this.#isGroup ? -pid : pid, signal);
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
