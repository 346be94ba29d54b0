import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.signal('SIGKILL')));

/** A process and what it started, which end with the test. What it says goes to a file. */
export class Child {
  #process;

  constructor(command, args, { logFile, errorFile, env = process.env, cwd }) {
    const log = openSync(logFile, 'a');
    const errors = errorFile === undefined ? log : openSync(errorFile, 'a');
    this.#process = spawn(command, args, { stdio: ['ignore', log, errors], env, cwd, detached: true });
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

  /** Signals it and what it started: its group, which bears its id. */
  signal(signal) {
    if (!this.isOver) process.kill(-this.#process.pid, signal);
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
