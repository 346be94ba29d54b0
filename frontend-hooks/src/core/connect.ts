import { backOffMs, wait } from './back-off';
import { type Block, createBlockParser } from './block-parser';
import { type Connection, type ConnectionState, type ConnectionStore, createConnectionStore } from './connection-state';
import { Credentials } from './credentials';
import { endpoint } from './endpoint';
import { isAfter } from './event-id';
import { filterQuery } from './filter';
import { type Verdict, verdictOnFailure, verdictOnOpening } from './opening';
import { type ConnectOptions, connectionKey, heartbeatOf } from './options';
import { type End, type Frame, readBlock, verdictOnEnd } from './reading';
import { createSignal, type Signal } from './store';
import { isTokenRefusal, StreamError } from './stream-error';
import { onVisibility, untilVisible } from './visibility';
import { createWatchdog, type Watchdog } from './watchdog';

/** Connects to the event feed, and reconnects by itself until it is closed or must stop. */
export function connect(options: ConnectOptions): Connection {
  return new DirectConnection(options);
}

class DirectConnection implements Connection {
  readonly #options: ConnectOptions;
  readonly #credentials: Credentials;
  readonly #state: ConnectionStore;
  readonly #frames: Signal<Frame> = createSignal<Frame>();
  readonly #closed = new AbortController();
  #wasOpen = false;
  #hasRenewed = false;
  /** Whether the service has accepted the present connection. Anything before that may come from anybody. */
  #isLetIn = false;
  #retryMs: number | undefined;
  /** Where the present connection starts, according to the service. */
  #beginsAfter: string | undefined;
  /** A notice that waits for its id, which the next block brings. */
  #notice: Extract<Frame, { kind: 'revised' | 'changed' }> | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#credentials = new Credentials(options.auth);
    this.#state = createConnectionStore({ ...options, key: connectionKey(options) });
    void this.#run();
  }

  getSnapshot = () => this.#state.getSnapshot();
  subscribe = (listener: () => void) => this.#state.subscribe(listener);
  onFrame = (listener: (frame: Frame) => void) => this.#frames.on(listener);
  close = () => this.#stop({});

  #stop({ error, attempt = this.getSnapshot().attempt }: Partial<ConnectionState>): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#say(error ? `closed for good: ${error.message}` : 'closed');
    this.#state.update({ status: 'closed', error, attempt, retryAt: undefined });
  }

  #say(message: string): void {
    const { debug } = this.#options;
    if (debug === true) console.debug(`stream events: ${message}`);
    else if (debug) debug(message);
  }

  async #run(): Promise<void> {
    const closed = this.#closed.signal;
    while (!closed.aborted) {
      if (this.#options.pauseWhenHidden) await untilVisible(closed);
      const hidden = new AbortController();
      const stopLooking = this.#options.pauseWhenHidden ? onVisibility(() => hidden.abort()) : undefined;
      await this.#cycle(AbortSignal.any([closed, hidden.signal]));
      stopLooking?.();
    }
  }

  /** Makes one attempt, then waits as its result requires. */
  async #cycle(signal: AbortSignal): Promise<void> {
    const verdict = await this.#attempt(signal);
    if (this.#closed.signal.aborted) return;
    if (signal.aborted) return this.#state.update({ status: 'reconnecting' });
    const error = 'error' in verdict ? verdict.error : undefined;
    const attempt = this.getSnapshot().attempt + (error ? 1 : 0);
    const { attempts = 0 } = this.#options.backOff ?? {};
    const givesUp = verdict.do === 'backOff' && attempts > 0 && attempt >= attempts;
    if (verdict.do === 'stop' || givesUp) return this.#stop({ error, attempt });
    if (isTokenRefusal(error)) this.#credentials.refuse();
    if (verdict.do === 'renew') this.#hasRenewed = true;
    const ms = this.#msBefore(verdict, attempt);
    this.#say(`${error ? `attempt ${attempt} failed: ${error.message}; ` : ''}retries in ${Math.round(ms)} ms`);
    const status = this.#wasOpen || error ? 'reconnecting' : 'connecting';
    this.#state.update({ status, error, attempt, retryAt: Date.now() + ms });
    await wait(ms, signal);
    if (!this.#closed.signal.aborted) this.#state.update({ retryAt: undefined });
  }

  #msBefore(verdict: Verdict, attempt: number): number {
    const { random = Math.random, backOff } = this.#options;
    if (verdict.do === 'backOff') return backOffMs(Math.max(1, attempt), random, backOff, verdict.error);
    // The service spreads these waits itself.
    return verdict.do === 'wait' ? verdict.ms : 0;
  }

  async #attempt(signal: AbortSignal): Promise<Verdict> {
    const over = new AbortController();
    const silence = () => over.abort(new StreamError('the connection was silent'));
    const watchdog = createWatchdog(heartbeatOf(this.#options), silence);
    const canRenew = this.#credentials.canRenew && !this.#hasRenewed;
    try {
      const response = await this.#open(AbortSignal.any([signal, over.signal]));
      const verdict = await verdictOnOpening(response, canRenew);
      return verdict.do === 'read' ? await this.#read(response, watchdog) : verdict;
    } catch (thrown) {
      return verdictOnFailure(thrown, canRenew);
    } finally {
      watchdog.stop();
      over.abort();
    }
  }

  /** A first connection gives its start in the URL, because a header would cost a preflight. */
  async #open(signal: AbortSignal): Promise<Response> {
    const { url, filter, fetch = globalThis.fetch } = this.#options;
    const { lastEventId } = this.getSnapshot();
    const headers = new Headers({ accept: 'text/event-stream' });
    const query = filterQuery(filter);
    if (lastEventId !== undefined) {
      if (this.#wasOpen) headers.set('last-event-id', lastEventId);
      else query.set('lastEventId', lastEventId);
    }
    await this.#credentials.addTo(headers, signal, query);
    signal.throwIfAborted();
    return fetch(endpoint(url, `/v1/events/subscribe?${query}`), { headers, signal, cache: 'no-store' });
  }

  async #read(response: Response, watchdog: Watchdog): Promise<Verdict> {
    const openedAtMs = performance.now();
    this.#isLetIn = false;
    this.#retryMs = undefined;
    let farewell: End['farewell'];
    let thrown: unknown;
    try {
      const parse = createBlockParser((block) => {
        farewell ??= this.#take(block);
      });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      while (farewell === undefined) {
        const piece = await reader?.read();
        if (piece === undefined || piece.done) break;
        parse(piece.value);
        if (this.#isLetIn) watchdog.hear();
      }
    } catch (failure) {
      thrown = failure;
    }
    this.#handOnNotice(undefined);
    const openForMs = performance.now() - openedAtMs;
    return verdictOnEnd({ isLetIn: this.#isLetIn, farewell, thrown, openForMs, retryMs: this.#retryMs });
  }

  /** Takes a block and returns its kind if it is a farewell. */
  #take(block: Block): End['farewell'] {
    if (this.#closed.signal.aborted) return undefined;
    if (block.retryMs !== undefined) this.#retryMs = block.retryMs;
    if (!this.#isLetIn && block.event !== 'connected') return undefined;
    const reading = readBlock(block);
    this.#handOnNotice(reading.kind === 'nothing' ? block.id : undefined);
    switch (reading.kind) {
      case 'connected':
        this.#begin(block.id);
        break;
      case 'event':
        if (this.#isNews(reading.event.id)) this.#frames.emit(reading);
        break;
      case 'reset':
        // An id from before this connection is no longer valid. The reset's own id is, or the one where this connection
        // started.
        this.#state.update({ lastEventId: block.id ?? this.#beginsAfter });
        this.#frames.emit(reading);
        break;
      case 'revised':
      case 'changed':
        this.#notice = reading;
        break;
      case 'expired':
        this.#credentials.refuse();
        return reading.kind;
      case 'resume':
        return reading.kind;
    }
    if (block.id !== undefined && this.#isNews(block.id)) this.#state.update({ lastEventId: block.id });
    return undefined;
  }

  #handOnNotice(id: string | undefined): void {
    const notice = this.#notice;
    this.#notice = undefined;
    if (notice && !this.#closed.signal.aborted) this.#frames.emit({ ...notice, id: id ?? notice.id });
  }

  #begin(id: string | undefined): void {
    this.#isLetIn = true;
    this.#beginsAfter = id;
    this.#hasRenewed = false;
    this.#wasOpen = true;
    this.#say('open');
    this.#state.update({ status: 'open', error: undefined, attempt: 0, retryAt: undefined });
  }

  #isNews(id: string): boolean {
    const { lastEventId } = this.getSnapshot();
    return lastEventId === undefined || isAfter(id, lastEventId);
  }
}
