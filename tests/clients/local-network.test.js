// What other programs on the machine can do to `dev`, which shares its address with them.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { LONGEST_MS, until } from './harness/condition.js';
import { Program } from './harness/program.js';

const MORE_THAN_ALLOWED = 200;
const SENT_AWAY = 5_000;

test('connections that do nothing do not keep it from following its network', { timeout: LONGEST_MS }, async () => {
  const limits = ['--max-connections-per-ip=1', '--connects-per-second=10'];
  const program = await Program.start([...limits, '--devnet-scenario=false']);
  const open = new Set();
  let sentAway = 0;
  let isOver = false;
  function hold() {
    const socket = connect(program.port, '127.0.0.1').on('error', () => {});
    open.add(socket);
    socket.on('close', () => {
      open.delete(socket);
      sentAway += 1;
      // Whoever was sent away comes back at once.
      if (!isOver) setImmediate(hold);
    });
  }
  try {
    for (let count = 0; count < MORE_THAN_ALLOWED; count += 1) hold();
    await until('many connections were sent away', () => sentAway >= SENT_AWAY);
    isOver = true;
    open.forEach((socket) => socket.destroy());
    const status = await until('the service answers', () => program.get('/v1/status').catch(() => undefined));
    const [{ host, failures }, ...more] = status.endpoints;
    assert.deepEqual([failures, more], [0, []]);
    assert.notEqual(host, `127.0.0.1:${program.port}`, 'the indexer has a port of its own');
  } finally {
    isOver = true;
    open.forEach((socket) => socket.destroy());
    await program.stop();
  }
});
