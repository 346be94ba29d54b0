import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.js';
import { until } from './condition.js';

export const EXAMPLES = new URL('../../../examples/', import.meta.url).pathname;

/** Enough time to install and build what an example needs. */
const BUILT_WITHIN_MS = 900_000;

/** An example, run with its command in the README. Once that has worked, it is not installed again. */
export class Example {
  static #installed = new Set();
  #folder = mkdtempSync(join(tmpdir(), 'flowfi-example-'));
  #child;

  constructor(name, { env, more = '' }) {
    this.name = name;
    const [logFile, errorFile] = [this.#printedTo, this.#complaints];
    const options = { logFile, errorFile, cwd: EXAMPLES, isGroup: true, env: { ...process.env, ...env } };
    this.#child = new Child('bash', ['-c', (Example.#installed.has(name) ? lastCommandOf(name) : lineOf(name)) + more], options);
  }

  get #printedTo() {
    return join(this.#folder, 'printed');
  }

  get #complaints() {
    return join(this.#folder, 'complaints');
  }

  /** Returns what the example printed. */
  printed() {
    return readFileSync(this.#printedTo, 'utf8');
  }

  /** Returns the ids of the events that the example printed, in order. */
  ids() {
    return [...this.printed().matchAll(/^(\d{19}-\d{10}) .*\n/gm)].map(([, id]) => id);
  }

  async untilPrinted(id) {
    await this.until(`has printed ${id}`, () => this.ids().some((printed) => printed >= id));
  }

  async untilServed(url) {
    await this.until(`serves ${url}`, async () => (await fetch(url).catch(() => undefined))?.ok);
  }

  /** Waits for a condition, and fails at once when the example has ended. */
  async until(what, ask) {
    const askWhileItRuns = () => {
      if (!this.#child.isOver) return ask();
      throw new Error(`${this.name} ended:\n${readFileSync(this.#complaints, 'utf8').slice(-2_000)}`);
    };
    await until(`${this.name} ${what}`, askWhileItRuns, BUILT_WITHIN_MS);
    Example.#installed.add(this.name);
  }

  async end() {
    await this.#child.end();
  }

  async stop() {
    await this.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const lastCommandOf = (name) => lineOf(name).split(' && ').at(-1);

function lineOf(name) {
  const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const section = readme.split('\n## ').find((part) => part.startsWith(`${name}\n`));
  return section.match(/```\n(.+)\n```/)[1];
}
