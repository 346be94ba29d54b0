import { afterEach, beforeEach, expect, vi } from 'vitest';
import { connect } from '../../src/core/connect';
import type { Connection } from '../../src/core/connection-state';
import type { ConnectOptions } from '../../src/core/options';
import type { Frame } from '../../src/core/reading';
import { connectedFrame, FakeService, id, settle, until } from './service';

/** A connection under test, its service and its clock. */
export interface Harness {
  service: FakeService;
  connection: Connection;
  frames: Frame[];
  open: (options?: Partial<ConnectOptions>) => Connection;
  /** Opens a connection that begins after the first event. */
  opened: (options?: Partial<ConnectOptions>) => Promise<void>;
  status: () => string;
  lastId: () => string | undefined;
  /** The ids of the events that were handed on, and the kinds of the other frames. */
  received: () => string[];
  requests: () => number;
  /** Checks that the next request comes after exactly this time. */
  comesBackAfter: (ms: number) => Promise<void>;
  staysAway: () => Promise<void>;
}

/** Gives each test of the file a service and a clock of its own. */
export function connectionHarness(): Harness {
  const harness = {} as Harness;
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse('2026-11-27T00:00:00Z') });
    harness.service = new FakeService();
    harness.frames = [];
  });
  afterEach(() => {
    harness.connection.close();
    vi.useRealTimers();
  });
  const state = () => harness.connection.getSnapshot();
  return Object.assign(harness, {
    open: (options: Partial<ConnectOptions> = {}) => openOn(harness, options),
    opened: (options: Partial<ConnectOptions> = {}) => openedOn(harness, options),
    status: () => state().status,
    lastId: () => state().lastEventId,
    received: () => harness.frames.map((frame) => (frame.kind === 'event' ? frame.event.id : frame.kind)),
    requests: () => harness.service.requests.length,
    comesBackAfter: (ms: number) => comesBackAfter(harness, ms),
    staysAway: () => staysAway(harness),
  });
}

function openOn(harness: Harness, options: Partial<ConnectOptions>): Connection {
  const base = { url: 'http://service.test', filter: { streams: ['7'] }, fetch: harness.service.fetch };
  harness.connection = connect({ ...base, random: () => 0, ...options });
  harness.connection.onFrame((frame) => harness.frames.push(frame));
  return harness.connection;
}

async function openedOn(harness: Harness, options: Partial<ConnectOptions>): Promise<void> {
  harness.open(options);
  await until(() => harness.service.streams.length === 1);
  harness.service.stream.send(connectedFrame(id(1)));
  await until(() => harness.status() === 'open');
}

async function comesBackAfter({ requests }: Harness, ms: number): Promise<void> {
  await settle();
  const before = requests();
  await vi.advanceTimersByTimeAsync(ms - 1);
  expect(requests()).toBe(before);
  await vi.advanceTimersByTimeAsync(1);
  await until(() => requests() > before);
}

async function staysAway({ requests, status }: Harness): Promise<void> {
  await settle();
  const before = requests();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(requests()).toBe(before);
  expect(status()).toBe('closed');
}
