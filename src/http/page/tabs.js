// The tabs of a browser that show this page with the same token. One of them leads; when it closes, another takes over.

/** Locks exist only in secure contexts: over HTTPS, or on the machine itself. */
const canShare = () => 'locks' in navigator && navigator.locks !== undefined && typeof BroadcastChannel === 'function';

/** Callers with different tokens see different things, so their tabs form separate groups. */
async function nameOf(token) {
  const text = new TextEncoder().encode(`${new URL('.', location.href)} ${token ?? ''}`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text));
  return `flowfi-feed-${[...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** This tab's membership in a group. If the browser cannot share, every tab leads its own group. */
export class TabGroup {
  #channel = null; #ends = new AbortController(); #waiting = null; #told;

  /** `told` gets each message from another tab with `hear(message)`, and leads with `lead(signal)` until the signal
      aborts. */
  constructor(token, told) {
    this.#told = told;
    this.#join(token);
  }

  post(message) { this.#channel?.postMessage(message); }

  /** Takes the lead from a silent tab. */
  seize() { this.#waiting?.abort(); }

  leave() {
    this.#ends.abort();
    this.#channel?.close();
    this.#channel = null;
  }

  async #join(token) {
    const { signal } = this.#ends;
    const name = await (canShare() ? nameOf(token) : null);
    if (signal.aborted) return;
    if (name === null) { this.#told.lead(signal); return; }
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener('message', ({ data }) => { if (!signal.aborted) this.#told.hear(data); });
    this.post({ kind: 'hello' });
    let isSeized = false;
    while (!signal.aborted) {
      this.#waiting = new AbortController();
      await this.#leadOnce(name, isSeized ? { steal: true } : { signal: AbortSignal.any([signal, this.#waiting.signal]) });
      isSeized = this.#waiting.signal.aborted;
    }
  }

  /** Waits for the lock, and leads while this tab holds it. */
  async #leadOnce(name, options) {
    const lost = new AbortController();
    try {
      await navigator.locks.request(name, options, () => this.#told.lead(AbortSignal.any([this.#ends.signal, lost.signal])));
    } catch (error) {
      lost.abort();
      // A sandboxed frame has locks but may not use them.
      if (error.name !== 'AbortError') await this.#told.lead(this.#ends.signal);
    }
  }
}
