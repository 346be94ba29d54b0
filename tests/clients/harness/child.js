import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.signal('SIGKILL')));

/**
 * A process that ends with the test. Its output goes to a file. With `isGroup`, its own child processes are ended with
 * it: a shell would leave them running.
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
    // A process that could not be started counts as ended: see `isOver`.
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

  /** Sends a signal. A group has the id of its first process. */
  signal(signal) {
    const { pid } = this.#process;
    if (!this.isOver) process.kill(this.#isGroup ? -pid : pid, signal);
  }
}

/**
 * Returns a port of the loopback address on which nobody listens. The system gives it to no outgoing connection. Such a
 * connection could hold the port while a test restarts the program.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + randomInt(10_000);
    const probe = createServer().listen(port, '127.0.0.1');
    try {
      await once(probe, 'listening');
    } catch {
      continue;
    }
    probe.close();
    await once(probe, 'close');
    return port;
  }
}
