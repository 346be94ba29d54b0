// Clients generated from the OpenAPI document, and real calls with them.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { LONGEST_MS } from './harness/condition.js';
import { framesOf } from './harness/event-stream.js';
import { Program } from './harness/program.js';
import { DOCUMENT, run } from './harness/tool.js';

describe('a generated client', { timeout: LONGEST_MS }, () => {
  let program, user, stream, other;
  before(async () => {
    program = await Program.start(['--auth=off']);
    user = (await program.get('/devnet/accounts')).accounts[2].address;
    stream = await program.createStream(user);
    other = await program.createStream(user);
    await program.topUp(stream);
  });
  after(() => program?.stop());

  describe('in TypeScript', () => {
    let calls, told;
    before(async () => {
      await run('openapi-typescript', [DOCUMENT, '--output=generated/api.ts']);
      await run('tsc', ['--project', 'generated']);
      const made = await import('./generated/made/calls.js');
      calls = new made.Calls(program.url);
      told = made.told;
    });

    test('lists all streams of a user, page by page', async () => {
      const { data } = await program.get(`/v1/streams?user=${user}&order=asc&limit=200`);
      const ids = data.map(({ streamId }) => streamId);
      assert.ok(ids.includes(stream.streamId) && ids.includes(other.streamId), ids.join());
      assert.deepEqual(await calls.streamIds(user, 1), { ids, pages: ids.length });
    });

    test('reads a stream with its events', async () => {
      const { sender, ratePerSecond, depositedAmount } = await program.get(`/v1/streams/${stream.streamId}`);
      const record = await calls.stream(stream.streamId);
      assert.equal(record.sender, sender);
      assert.ok(record.events.includes(`${stream.streamId} accrues ${ratePerSecond}`), record.events.join());
      assert.ok(record.events.includes(`${stream.streamId} holds ${depositedAmount}`), record.events.join());
    });

    test('reads the claimable amount, and the rates that an address pays', async () => {
      const { startTime, ratePerSecond, sender, tokenAddress } = await program.get(`/v1/streams/${stream.streamId}`);
      assert.equal(await calls.claimable(stream.streamId, startTime), 0n);
      assert.equal(await calls.claimable(stream.streamId, startTime + 10), 10n * BigInt(ratePerSecond));
      const rate = (await calls.outgoingRates(sender)).get(tokenAddress);
      assert.ok(rate >= 2n * BigInt(ratePerSecond), `${rate}`);
    });

    test('reads why a request is refused', async () => {
      const missing = await calls.problemOfStream('999999');
      assert.deepEqual([missing.status, missing.type], [404, '/problems/not-found']);
      const wrong = await calls.problemOfStream('seven');
      assert.deepEqual([wrong.status, wrong.type, wrong.parameter], [400, '/problems/invalid-parameter', 'id']);
    });

    test('knows the type of a frame’s data from its event', async () => {
      const frames = framesOf(`${program.url}/v1/events/subscribe?streams=${stream.streamId}&types=stream.topped_up`);
      // A record that is completed from the chain is announced as changed, at any time.
      const next = async () => {
        const { value: frame } = await frames.next();
        return frame.event === 'changed' ? next() : told(frame);
      };
      assert.equal(await next(), `connected, streams ${stream.streamId}`);
      const id = (await program.topUp(stream)).at(-1);
      const frame = await next();
      await frames.return();
      const { depositedAmount } = await program.get(`/v1/streams/${stream.streamId}`);
      assert.equal(frame, `${id}: ${depositedAmount}`);
    });
  });

  describe('in Python', () => {
    before(async () => {
      rmSync(new URL('generated/flowfi_client', import.meta.url), { recursive: true, force: true });
      const args = ['--path', DOCUMENT, '--meta=none', '--output-path=generated/flowfi_client', '--fail-on-warning'];
      await run('openapi-python-client', ['generate', ...args]);
    });

    test('lists streams, reads one with its events, and reads why a request is refused', async () => {
      const printed = await run('python', ['generated/calls.py', user, stream.streamId], { FLOWFI_URL: program.url });
      const { ids, deposited, events, problem } = JSON.parse(printed);
      const { data } = await program.get(`/v1/streams?user=${user}&order=asc&limit=200`);
      assert.deepEqual(ids, data.map(({ streamId }) => streamId));
      assert.equal(deposited, (await program.get(`/v1/streams/${stream.streamId}`)).depositedAmount);
      const rows = (await program.get(`/v1/streams/${stream.streamId}/events`)).events;
      assert.deepEqual(events, rows.map(({ id, type }) => [id, classOf(type)]));
      assert.deepEqual(problem, [404, '/problems/not-found']);
    });
  });
});

/** Returns the class name of a row of this type: `stream.topped_up` becomes `StreamToppedUpEventRow`. */
function classOf(type) {
  const words = type.split(/[._]/).map((word) => word[0].toUpperCase() + word.slice(1));
  return `${words.join('')}EventRow`;
}
