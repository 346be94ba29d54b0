import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { connect } from '../src/core/connect';
import type { Connection } from '../src/core/connection-state';
import { connectedFrame, eventFrame, id } from './support/service';

let server: Server;
let connection: Connection;

/** Waits until nothing is thrown; a test that passes hardly waits. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 5 });

afterEach(async () => {
  connection.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it('resumes over real sockets, and its closing reaches the service', async () => {
  const requests: IncomingMessage[] = [];
  const answers: ServerResponse[] = [];
  server = createServer((request, answer) => {
    requests.push(request);
    answers.push(answer.writeHead(200, { 'content-type': 'text/event-stream' }));
    const position = request.headers['last-event-id']?.toString() ?? id(1);
    answer.write(`retry: 10\n\n${connectedFrame(position).replace('retry: 3000', 'retry: 10')}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const received: string[] = [];
  connection = connect({ url, filter: { all: true } });
  connection.onFrame((frame) => received.push(frame.kind === 'event' ? frame.event.id : frame.kind));

  await until(() => expect(connection.getSnapshot().status).toBe('open'));
  answers[0]?.write(eventFrame(2, { recipient: 'Zoë – ünïcode' }));
  await until(() => expect(received).toEqual([id(2)]));
  answers[0]?.end();
  await until(() => expect(requests.length).toBe(2));
  expect(requests[1]?.headers['last-event-id']).toBe(id(2));
  answers[1]?.write(eventFrame(2) + eventFrame(3));
  await until(() => expect(received).toEqual([id(2), id(3)]));

  const closed = new Promise((resolve) => answers[1]?.on('close', resolve));
  connection.close();
  await closed;
});
