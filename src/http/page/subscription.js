// One request for the event stream, with the token in its header, read until it ends.

import { refusalOf, refuseWithoutToken } from './api.js';
import { FrameReader } from './frames.js';
import { tokenHeaders } from './token.js';

/** A connection on which three heartbeats failed to come is dead. */
const SILENCE_MS = 3 * Number(document.documentElement.dataset.heartbeatMs);

export const subscribePath = query => `v1/events/subscribe${query === '' ? '' : `?${query}`}`;

const isEventStream = answer => answer.ok && answer.headers.get('content-type')?.startsWith('text/event-stream');

/** Passes the arriving blocks to `take`, as lists. Returns how long the server wants the client to wait after it ended
    the stream; null if it did not say. Throws a refusal, or a plain error if the connection breaks. */
export async function subscribe(query, { lastId, signal, take }) {
  refuseWithoutToken();
  const ends = new AbortController();
  let watchdog;
  const hear = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => ends.abort(), SILENCE_MS);
  };
  const headers = { accept: 'text/event-stream', ...tokenHeaders(), ...(lastId === null ? {} : { 'last-event-id': lastId }) };
  try {
    hear();
    const both = AbortSignal.any([signal, ends.signal]);
    const answer = await fetch(subscribePath(query), { headers, signal: both, cache: 'no-store' });
    if (!isEventStream(answer)) throw await refusalOf(answer);
    return await read(answer.body, signal, blocks => { hear(); take(blocks); });
  } finally {
    clearTimeout(watchdog);
    ends.abort();
  }
}

async function read(body, signal, take) {
  const frames = new FrameReader();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return frames.retryMs;
    take(frames.push(value));
  }
}
