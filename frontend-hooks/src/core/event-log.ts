import type { EventType, StreamEvent } from '../api-types';
import { batched } from './batch';
import { type Connection, type ConnectionState, noConnection } from './connection-state';
import type { Frame } from './reading';
import { createStore, type Store } from './store';

/** An event in a list. */
export interface LoggedEvent {
  type: EventType;
  data: StreamEvent;
  /** When its ledger closed, in Unix milliseconds. */
  timestamp: number;
}

/** The content of a list of events. */
export interface EventLogState extends ConnectionState {
  /** The last events, newest first. */
  readonly events: readonly LoggedEvent[];
}

/** The last events of a connection, and its state, updated at most 60 times a second. */
export interface EventLog extends Store<EventLogState> {
  clear: () => void;
}

/** The parts of an event log. */
export interface EventLogOptions {
  /** Opens the connection. Undefined if there is nothing to listen to. */
  open: (() => Connection) | undefined;
  /** How many events to keep. */
  limit: number;
  /** Called at once with every frame. */
  onFrame: (frame: Frame) => void;
}

/** The state of a log without listeners. */
export const silent: EventLogState = { ...noConnection, events: [] };

/** Returns a log that stays connected while it has listeners. */
export function createEventLog({ open, limit, onFrame }: EventLogOptions): EventLog {
  const first: EventLogState = open ? { ...silent, status: 'connecting' } : silent;
  const { getSnapshot, subscribe, set } = createStore(first);
  let connection: Connection | undefined;
  let fresh: LoggedEvent[] = [];
  let listeners = 0;
  const show = batched(() => {
    const events = [...fresh.reverse(), ...getSnapshot().events].slice(0, limit);
    fresh = [];
    set({ ...(connection?.getSnapshot() ?? silent), events });
  });
  const take = (frame: Frame): void => {
    if (frame.kind === 'event') fresh.push(logged(frame.event));
    show();
    onFrame(frame);
  };
  const connectFor = (open: () => Connection): (() => void) => {
    const opened = open();
    connection = opened;
    const stops = [opened.onFrame(take), opened.subscribe(show), opened.close];
    show();
    return () => stops.forEach((stop) => stop());
  };
  let disconnect: (() => void) | undefined;
  return {
    getSnapshot,
    subscribe: (listener) => {
      const stop = subscribe(listener);
      if (listeners++ === 0) disconnect = open && connectFor(open);
      return () => {
        stop();
        if (--listeners === 0) disconnect?.();
      };
    },
    clear: () => {
      fresh = [];
      set({ ...getSnapshot(), events: [] });
    },
  };
}

function logged(event: StreamEvent): LoggedEvent {
  return { type: event.type, data: event, timestamp: Date.parse(event.ledgerClosedAt) };
}
