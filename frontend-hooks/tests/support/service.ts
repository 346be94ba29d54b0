import { vi } from 'vitest';

/** An event stream that a test writes, and the request that it answers. */
export interface OpenStream {
  url: URL;
  headers: Headers;
  send: (text: string) => void;
  end: () => void;
  fail: () => void;
  isClosed: () => boolean;
}

type Answer = (request: Request) => Response | Promise<Response>;

/** A request as the service saw it. */
export interface Seen {
  url: URL;
  headers: Headers;
  body: string | undefined;
}

/** A service whose answers a test decides: those that it queued, then event streams that stay open. */
export class FakeService {
  readonly requests: Seen[] = [];
  readonly streams: OpenStream[] = [];
  readonly #answers: Answer[] = [];

  /** Queues the next answer. */
  next(...answers: Answer[]): this {
    this.#answers.push(...answers);
    return this;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input), 'http://service.test');
    const headers = new Headers(init?.headers);
    this.requests.push({ url, headers, body: init?.body?.toString() });
    init?.signal?.throwIfAborted();
    const answer = this.#answers.shift() ?? (() => this.#stream(url, headers, init?.signal));
    return answer(new Request(url, { headers }));
  };

  /** Returns the last event stream that was opened. */
  get stream(): OpenStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no stream was opened');
    return stream;
  }

  #stream(url: URL, headers: Headers, signal: AbortSignal | null | undefined): Response {
    const encoder = new TextEncoder();
    let isClosed = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const close = (how: () => void) => () => {
          if (isClosed) return;
          isClosed = true;
          how();
        };
        signal?.addEventListener('abort', close(() => controller.error(signal.reason)));
        this.streams.push({
          url,
          headers,
          send: (text) => controller.enqueue(encoder.encode(text)),
          end: close(() => controller.close()),
          fail: close(() => controller.error(new TypeError('network error'))),
          isClosed: () => isClosed,
        });
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  }
}

/** Returns an answer of somebody, the service or not. */
export function answer(status: number, body: string | null, headers: Record<string, string> = {}): Answer {
  return () => new Response(body, { status, headers });
}

/** Returns the body of a refusal by the service, in which the fields given replace its own. */
export function problem(status: number, fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ type: '/problems/test', title: 'Test', status, detail: `refused with ${status}`, ...fields });
}

/** Returns an answer with which the service refuses. */
export function refusal(status: number, headers: Record<string, string> = {}): Answer {
  return answer(status, problem(status), { 'content-type': 'application/problem+json', ...headers });
}

/** Returns an answer in JSON. */
export function json(value: unknown): Answer {
  return () => Response.json(value);
}

/** A request that finds no network. */
export const offline: Answer = () => Promise.reject(new TypeError('fetch failed'));

/** Returns the id of the feed's event of that number. */
export function id(number: number, epoch = 0): string {
  return `${String(number).padStart(19, '0')}-0000000001${epoch ? `.${epoch}` : ''}`;
}

/** Returns what a client resumes from at that event once it was told of so many revisions. */
export function resumeId(number: number, revision: number, epoch = 0): string {
  return `${id(number)}.${epoch}.${revision}`;
}

/** Returns an event's frame as the service writes it. */
export function eventFrame(number: number, fields: Record<string, unknown> = {}, resume?: string): string {
  const data = {
    id: id(number),
    type: 'stream.withdrawn',
    streamId: '7',
    amount: '1000',
    ledgerClosedAt: '2026-11-27T00:00:00Z',
    ...fields,
  };
  return `id: ${resume ?? data.id}\nevent: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Returns the head of a connection that begins after that position. */
export function connectedFrame(position?: string): string {
  const head = position === undefined ? '' : `id: ${position}\n`;
  return `retry: 3000\n${head}event: connected\ndata: {"clientId":"c"}\n\n`;
}

/** Returns a notice's frame. */
export function notice(name: string, data: unknown = {}): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Returns a notice of a changed record, and the id that says that it was told. */
export function changedFrame(resume: string): string {
  return `${notice('changed', { streams: [{ contractId: 'C', streamId: '7' }] })}id: ${resume}\n\n`;
}

/** Returns a notice of late rows, and the id that says that it was told. */
export function revisedFrame(resume: string): string {
  return `${notice('revised', { fromId: id(1), toId: id(2) })}id: ${resume}\n\n`;
}

/** Lets everything happen that needs no time, until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    if (condition()) return;
    await vi.advanceTimersByTimeAsync(0);
  }
  throw new Error(`never came to be: ${condition.toString()}`);
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
}
