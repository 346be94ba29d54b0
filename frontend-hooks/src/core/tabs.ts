import { connect } from './connect';
import { type Connection, type ConnectionState, type ConnectionStore, createConnectionStore } from './connection-state';
import { type Election, type Locks, standForLead } from './election';
import { isAfter } from './event-id';
import { type ConnectOptions, connectionKey, heartbeatOf } from './options';
import type { Frame } from './reading';
import { Recent } from './recent';
import { createSignal, type Signal } from './store';
import { receivedState, sentState, type TabMessage } from './tab-message';
import { isHidden, onVisibility } from './visibility';
import { createWatchdog, type Watchdog } from './watchdog';

/** The part of the browser's `BroadcastChannel` that is used. */
export interface TabChannel {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage: (message: TabMessage) => void;
  close: () => void;
}

/** What tabs need to find each other. */
export interface Tabs {
  locks: Locks;
  openChannel: (name: string) => TabChannel;
}

/** Returns what this browser offers; undefined if it lacks a part. */
export function browserTabs(): Tabs | undefined {
  if (typeof BroadcastChannel === 'undefined' || !globalThis.navigator?.locks) return undefined;
  return { locks: navigator.locks, openChannel: (name) => new BroadcastChannel(name) };
}

/**
 * Shares one connection among all tabs. The leading tab has it and sends its frames to the others. When it goes, one of
 * them takes over.
 */
export function connectAcrossTabs(options: ConnectOptions, tabs: Tabs): Connection {
  return new TabConnection(options, tabs);
}

/** What a tab has while it takes part. */
interface Membership {
  channel: TabChannel;
  ends: AbortController;
  election: Election;
  silence: Watchdog;
  heartbeat: ReturnType<typeof setInterval>;
}

class TabConnection implements Connection {
  readonly #id = crypto.randomUUID();
  readonly #options: ConnectOptions;
  readonly #tabs: Tabs;
  readonly #state: ConnectionStore;
  readonly #frames: Signal<Frame> = createSignal<Frame>();
  readonly #recent = new Recent();
  readonly #stopLooking: (() => void) | undefined;
  #membership: Membership | undefined;
  /** Set while this tab leads. */
  #own: Connection | undefined;
  /** The leader that this tab has asked for missing frames. */
  #asked: string | undefined;

  constructor(options: ConnectOptions, tabs: Tabs) {
    this.#options = options;
    this.#tabs = tabs;
    this.#state = createConnectionStore({ ...options, key: connectionKey(options) });
    this.#recent.restart(this.#position);
    if (options.pauseWhenHidden) this.#stopLooking = onVisibility(() => this.#look());
    this.#look();
  }

  getSnapshot = () => this.#state.getSnapshot();
  subscribe = (listener: () => void) => this.#state.subscribe(listener);
  onFrame = (listener: (frame: Frame) => void) => this.#frames.on(listener);
  close = () => this.#stop({});

  get #position(): string | undefined {
    return this.getSnapshot().lastEventId;
  }

  #stop({ error, attempt = this.getSnapshot().attempt }: Partial<ConnectionState>): void {
    this.#stopLooking?.();
    this.#leave();
    this.#state.update({ status: 'closed', error, attempt, retryAt: undefined });
  }

  /** Takes part, unless it pauses while the page is hidden. */
  #look(): void {
    if (this.#options.pauseWhenHidden && isHidden()) {
      if (this.#membership) this.#state.update({ status: 'reconnecting', retryAt: undefined });
      this.#leave();
    } else if (!this.#membership) this.#join();
  }

  #join(): void {
    const heartbeatMs = heartbeatOf(this.#options);
    const name = connectionKey(this.#options);
    const channel = this.#tabs.openChannel(name);
    const ends = new AbortController();
    const lead = (signal: AbortSignal): Promise<void> => this.#lead(signal);
    const election = standForLead({ locks: this.#tabs.locks, name, signal: ends.signal, lead });
    const silence = createWatchdog(heartbeatMs, () => this.#onSilence());
    const heartbeat = setInterval(() => this.#tell([], this.#position), heartbeatMs);
    this.#membership = { channel, ends, election, silence, heartbeat };
    channel.onmessage = (event) => this.#hear(event.data as TabMessage);
    this.#ask();
  }

  #leave(): void {
    const membership = this.#membership;
    if (membership === undefined) return;
    this.#membership = undefined;
    this.#asked = undefined;
    membership.ends.abort();
    membership.silence.stop();
    clearInterval(membership.heartbeat);
    membership.channel.onmessage = null;
    membership.channel.close();
  }

  /** A frozen leader holds the lock and stays silent. Hidden tabs leave it alone, because their own timers are slow. */
  #onSilence(): void {
    if (!this.#own && !isHidden()) this.#membership?.election.seize();
    this.#membership?.silence.hear();
  }

  /** Keeps the connection until the signal aborts or the connection stops for good. */
  #lead(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { lastEventId } = this.getSnapshot();
    const own = connect({ ...this.#options, lastEventId, storage: undefined, pauseWhenHidden: false });
    this.#own = own;
    this.#asked = undefined;
    return new Promise((resolve) => {
      const end = (): void => {
        this.#own = undefined;
        own.close();
        resolve();
      };
      own.onFrame((frame) => this.#pass(frame, own.getSnapshot()));
      own.subscribe(() => this.#follow(own));
      signal.addEventListener('abort', end);
      this.#follow(own);
    });
  }

  /** Takes over the state of this tab's own connection. If that was refused, another tab may be accepted. */
  #follow(own: Connection): void {
    if (own !== this.#own) return;
    const { status, error, ...rest } = own.getSnapshot();
    if (status === 'closed') return this.#stop({ error, attempt: rest.attempt });
    const before = this.getSnapshot();
    const isFirst = status !== 'connecting' || before.status === 'connecting';
    this.#become({ status: isFirst ? status : 'reconnecting', error, ...rest });
    if (before !== this.getSnapshot()) this.#tell([], before.lastEventId);
  }

  /** Takes a frame of this tab's own connection and hands it on. */
  #pass(frame: Frame, state: ConnectionState): void {
    const previous = this.#position;
    this.#take(frame, state);
    this.#tell([frame], previous);
  }

  #tell(frames: Frame[], previous: string | undefined, to?: string): void {
    if (!this.#own) return;
    const state = sentState(this.getSnapshot());
    this.#membership?.channel.postMessage({ kind: 'tell', from: this.#id, ...(to && { to }), previous, frames, state });
  }

  #ask(): void {
    this.#membership?.channel.postMessage({ kind: 'hello', from: this.#id, lastEventId: this.#position });
  }

  #hear(message: TabMessage): void {
    if (message.kind === 'hello') return this.#answer(message.from, message.lastEventId);
    if (this.#own || (message.to !== undefined && message.to !== this.#id)) return;
    this.#membership?.silence.hear();
    const position = this.#position;
    const { previous, frames, from, to } = message;
    const isBehind = position !== undefined && previous !== undefined && isAfter(previous, position);
    if (isBehind && frames[0]?.kind !== 'reset') {
      if (this.#asked !== from) this.#ask();
      this.#asked = from;
      return;
    }
    if (to !== undefined) this.#asked = undefined;
    const state = receivedState(message.state);
    for (const frame of frames) this.#take(frame, state);
    this.#become(state);
  }

  /** Sends a new tab the frames that it is missing, or tells it to fetch everything again. */
  #answer(from: string, position: string | undefined): void {
    const own = this.#position;
    if (position === undefined || own === undefined || !isAfter(own, position)) return this.#tell([], own, from);
    const reset: Frame = { kind: 'reset', reset: { reason: 'behind', oldestEventId: null, newestEventId: own } };
    this.#tell(this.#recent.after(position) ?? [reset], position, from);
  }

  #take(frame: Frame, state: ConnectionState): void {
    const position = this.#position;
    if (frame.kind === 'event') {
      if (position !== undefined && !isAfter(frame.event.id, position)) return;
      this.#state.update({ lastEventId: frame.id });
    } else if (frame.kind === 'reset') {
      this.#state.update({ lastEventId: state.lastEventId });
      this.#recent.restart(undefined);
    } else if (frame.id !== undefined && (position === undefined || isAfter(frame.id, position))) {
      this.#state.update({ lastEventId: frame.id });
    }
    if (frame.kind !== 'reset') this.#recent.push(frame, this.#position);
    this.#frames.emit(frame);
  }

  /** Takes over the leader's state. The position only moves forward, except after a reset. */
  #become(state: ConnectionState): void {
    const position = this.#position;
    const isBehind = position !== undefined && (!state.lastEventId || isAfter(position, state.lastEventId));
    if (position === undefined) this.#recent.restart(state.lastEventId);
    this.#state.update(isBehind ? { ...state, lastEventId: position } : state);
  }
}
