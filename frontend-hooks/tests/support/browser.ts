import type { Locks } from '../../src/core/election';
import type { TabMessage } from '../../src/core/tab-message';
import type { TabChannel, Tabs } from '../../src/core/tabs';

interface Held {
  owner: FakeTab;
  lose: (reason: unknown) => void;
  end: () => void;
}

interface Waiting {
  grant: () => void;
}

/** A browser whose tabs share locks and channels. */
export class FakeBrowser {
  readonly #held = new Map<string, Held>();
  readonly #waiting = new Map<string, Waiting[]>();
  readonly channels = new Set<FakeChannel>();

  openTab(): FakeTab {
    return new FakeTab(this);
  }

  request(owner: FakeTab, name: string, options: LockOptions, whileHeld: () => Promise<void>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const grant = (): void => {
        const end = (): void => {
          if (this.#held.get(name) !== held) return;
          this.#held.delete(name);
          this.#waiting.get(name)?.shift()?.grant();
        };
        const held = { owner, lose: reject, end };
        this.#held.set(name, held);
        whileHeld().then(resolve, reject).finally(end);
      };
      const holder = this.#held.get(name);
      if (options.steal) {
        this.#held.delete(name);
        holder?.lose(new DOMException('stolen', 'AbortError'));
        return grant();
      }
      if (holder === undefined) return grant();
      const queue = this.#waiting.get(name) ?? [];
      const entry = { grant };
      this.#waiting.set(name, [...queue, entry]);
      options.signal?.addEventListener('abort', () => {
        const now = this.#waiting.get(name) ?? [];
        this.#waiting.set(name, now.filter((waiting) => waiting !== entry));
        reject(new DOMException('aborted', 'AbortError'));
      });
    });
  }

  /** What happens when a page is gone. */
  release(owner: FakeTab): void {
    for (const held of [...this.#held.values()]) if (held.owner === owner) held.end();
  }
}

/** One tab. */
export class FakeTab implements Tabs {
  readonly #browser: FakeBrowser;
  readonly locks: Locks;
  /** A tab that is frozen or gone hears and says nothing. */
  isMute = false;
  readonly said: TabMessage[] = [];

  constructor(browser: FakeBrowser) {
    this.#browser = browser;
    this.locks = { request: (name, options, whileHeld) => browser.request(this, name, options, whileHeld) };
  }

  openChannel = (name: string): TabChannel => new FakeChannel(this.#browser, this, name);

  /** Ends without a word, as a tab does that is killed. */
  die(): void {
    this.isMute = true;
    this.#browser.release(this);
  }
}

class FakeChannel implements TabChannel {
  readonly #browser: FakeBrowser;
  readonly #tab: FakeTab;
  readonly #name: string;
  onmessage: ((event: MessageEvent) => void) | null = null;

  constructor(browser: FakeBrowser, tab: FakeTab, name: string) {
    this.#browser = browser;
    this.#tab = tab;
    this.#name = name;
    browser.channels.add(this);
  }

  postMessage(message: TabMessage): void {
    if (this.#tab.isMute) return;
    this.#tab.said.push(message);
    const copy = structuredClone(message);
    const others = [...this.#browser.channels].filter((channel) => channel !== this && channel.#name === this.#name);
    for (const channel of others) queueMicrotask(() => channel.#deliver(copy));
  }

  close(): void {
    this.#browser.channels.delete(this);
  }

  #deliver(data: TabMessage): void {
    if (!this.#tab.isMute) this.onmessage?.(new MessageEvent('message', { data }));
  }
}
