import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child, freePort } from './child.js';
import { until } from './condition.js';

export const ROOT = new URL('../../..', import.meta.url).pathname;
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
export const BINARY = join(TARGET, 'debug/flowfi-indexer');

const execute = promisify(execFile);

/** For every test that does not say otherwise: a fast network, and no limits, because all clients have the same address. */
const ARGS = [
  '--devnet-ledger-interval=300ms',
  '--requests-per-second=0',
  '--connects-per-second=0',
  '--max-connections-per-ip=1000',
  '--cors-origins=*',
];

/** The program itself: `dev` with its own network and database. */
export class Program {
  #folder = mkdtempSync(join(tmpdir(), 'flowfi-clients-'));
  #args;
  #env;
  #child;

  static async start(args = [], env = {}) {
    const program = new Program();
    // The database runs under its own account, which needs access.
    chmodSync(program.#folder, 0o755);
    program.port = await freePort();
    program.url = `http://127.0.0.1:${program.port}`;
    const nameOf = (arg) => arg.split('=')[0];
    const given = new Set(args.map(nameOf));
    const usual = ARGS.filter((arg) => !given.has(nameOf(arg)));
    program.#args = ['dev', `--listen=127.0.0.1:${program.port}`, `--data-dir=${program.dataFolder}`, ...usual, ...args];
    program.#env = { ...process.env, ...env };
    delete program.#env.DATABASE_URL;
    await program.startAgain();
    return program;
  }

  get dataFolder() {
    return join(this.#folder, 'data');
  }

  get #logFile() {
    return join(this.#folder, 'log');
  }

  /** Returns everything that the program has logged. */
  log() {
    return readFileSync(this.#logFile, 'utf8');
  }

  async startAgain() {
    this.#child = new Child(BINARY, this.#args, { logFile: this.#logFile, env: this.#env });
    await until('the program is ready', async () => {
      if (this.#child.isOver) throw new Error(`the program ended:\n${this.log().slice(-2_000)}`);
      const answer = await fetch(`${this.url}/health/ready`).catch(() => undefined);
      return answer?.ok;
    });
  }

  /** Ends the program as a crash would. */
  async kill() {
    await this.#child.end('SIGKILL');
  }

  async stop() {
    await this.#child.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs another command of the program on the same database, and waits for its end. */
  async runBeside(...args) {
    const folder = encodeURIComponent(join(this.dataFolder, 'postgres'));
    const env = { ...this.#env, DATABASE_URL: `postgres://flowfi@localhost/postgres?host=${folder}` };
    await execute(BINARY, args, { env });
  }

  async get(path) {
    return answerOf(await fetch(this.url + path));
  }

  async post(path, body) {
    const headers = { 'content-type': 'application/json' };
    return answerOf(await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) }));
  }

  /** Creates a stream to a recipient and returns its id and the ids of its events. */
  async createStream(recipient) {
    const { accounts } = await this.get('/devnet/accounts');
    const to = recipient ?? accounts[1].address;
    const call = { sender: accounts[0].address, recipient: to, amount: '36000000', duration: 3_600 };
    return this.post('/devnet/streams', call);
  }

  /** Waits until a stream is indexed, and returns it. */
  async indexedStream(streamId) {
    return until(`stream ${streamId} is indexed`, async () => {
      const answer = await fetch(`${this.url}/v1/streams/${streamId}`);
      return answer.ok && answer.json();
    });
  }

  /** Tops up a stream and returns the ids of the events. */
  async topUp({ streamId }) {
    return (await this.post(`/devnet/streams/${streamId}/top-up`, { amount: '1000000' })).events;
  }

  /** Returns how many event streams are open. */
  async connections() {
    return (await this.get('/v1/events/stats')).connections;
  }

  /** Returns the id of the newest event. */
  async newestId() {
    return (await this.get('/v1/events?limit=1')).events[0].id;
  }

  /** Returns the ids from one event to another, both included, read over REST. */
  async idsBetween(first, last) {
    const ids = [];
    for (let cursor; ; ) {
      const page = await this.get(`/v1/events?order=asc&limit=100${cursor ? `&cursor=${cursor}` : ''}`);
      ids.push(...page.events.map(({ id }) => id));
      cursor = page.nextCursor;
      if (!page.hasMore || ids.at(-1) >= last) break;
    }
    return ids.filter((id) => id >= first && id <= last);
  }
}

async function answerOf(response) {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}
