// A wallet signs in and subscribes, and the service logs nothing secret that it receives or gives.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LONGEST_MS, until } from './harness/condition.js';
import { framesOf } from './harness/event-stream.js';
import { Program } from './harness/program.js';
import { Wallet } from './harness/wallet.js';

describe('a wallet', { timeout: LONGEST_MS }, () => {
  const wallet = new Wallet();
  let program, stream;
  before(async () => {
    program = await Program.start(['--auth=required', '--token-ttl=3s'], { RUST_LOG: 'trace' });
    await wallet.learn(`localhost:${program.port}`);
    stream = await program.createStream(wallet.address);
    await until('the stream is indexed', async () => {
      const headers = { authorization: `Bearer ${await wallet.signIn()}` };
      return (await fetch(`${program.url}/v1/streams/${stream.streamId}`, { headers })).ok;
    });
  });
  after(() => program?.stop());

  /** Returns a ticket for a new token. On a busy machine a token may end before it is used: then it tries another. */
  function newTicket() {
    return until('a token lasts until it is used', async () => {
      const headers = { authorization: `Bearer ${await wallet.signIn()}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ all: true });
      const response = await fetch(`${program.url}/v1/events/tickets`, { method: 'POST', headers, body });
      if (response.status === 401) return undefined;
      assert.equal(response.status, 201);
      const { ticket } = await response.json();
      wallet.secrets.push(ticket);
      return ticket;
    });
  }

  /** Yields the frames of a subscription with a new ticket; the subscription ends when the ticket's token ends. */
  async function* subscribed(headers) {
    for (;;) {
      try {
        const ticket = encodeURIComponent(await newTicket());
        yield* framesOf(`${program.url}/v1/events/subscribe?ticket=${ticket}`, headers);
        return;
      } catch (error) {
        if (error.status !== 401) throw error;
      }
    }
  }

  test('signs in, subscribes with a ticket, is cut off when its token ends, and resumes with another token', async () => {
    const made = [];
    const seen = [];
    let lastId = stream.events.at(-1);
    let lastWord;
    for await (const frame of subscribed({ 'last-event-id': lastId })) {
      lastId = frame.id ?? lastId;
      lastWord = frame.event;
      if (frame.event === 'connected') made.push(...(await program.topUp(stream)));
      if (frame.event.startsWith('stream.')) seen.push(frame.data.id);
    }
    assert.equal(lastWord, 'expired');
    made.push(...(await program.topUp(stream)), ...(await program.topUp(stream)));
    for await (const frame of subscribed({ 'last-event-id': lastId })) {
      if (frame.event.startsWith('stream.')) seen.push(frame.data.id);
    }
    assert.deepEqual(seen, made);
  });

  test('is refused with a spent ticket, a token in the address, a damaged token, and the signature of another key', async () => {
    const subscription = `${program.url}/v1/events/subscribe`;
    const token = await wallet.signIn();
    const spent = await newTicket();
    await (await fetch(`${subscription}?ticket=${spent}`)).body.cancel();
    assert.equal((await fetch(`${subscription}?ticket=${spent}`)).status, 401);
    assert.equal((await fetch(`${subscription}?all=true&token=${token}`)).status, 400);
    const headers = { authorization: `Bearer ${token}x` };
    assert.equal((await fetch(`${subscription}?all=true`, { headers })).status, 401);
    const stranger = new Wallet();
    const forged = wallet.sign(await wallet.challenge(), stranger.keys);
    assert.equal((await wallet.answer(forged)).status, 400);
  });

  test('finds none of its secrets in the log, at the level that logs everything', async () => {
    const keptIn = (name) => readFileSync(join(program.dataFolder, name), 'utf8').trim();
    const secrets = [...wallet.secrets, keptIn('token-secret'), keptIn('sign-in-seed')];
    assert.ok(wallet.secrets.length > 10, 'the test before has signed the wallet in');
    const log = program.log();
    assert.match(log, /"level":"TRACE"/);
    for (const secret of secrets) {
      assert.ok(secret.length >= 16, 'a short text could be there by chance');
      assert.ok(!log.includes(secret), `the log contains a secret that begins with ${secret.slice(0, 6)}`);
      assert.ok(!log.includes(encodeURIComponent(secret)), `the log contains a secret, encoded: ${secret.slice(0, 6)}`);
    }
  });
});
