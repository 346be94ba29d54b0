/** The part of the browser's Web Locks that is used. */
export interface Locks {
  request(name: string, options: LockOptions, whileHeld: () => Promise<void>): Promise<unknown>;
}

/** One tab's part in electing a leader. */
export interface Election {
  /** Takes over from a leader that has gone silent. */
  seize: () => void;
}

/** What a tab is a candidate for, and for how long. */
export interface Candidacy {
  locks: Locks;
  name: string;
  /** Aborts when the tab is no longer a candidate. */
  signal: AbortSignal;
  /** Leads until the signal aborts, or until it gives up the lead for good. */
  lead: (signal: AbortSignal) => Promise<void>;
}

/** Becomes a candidate. When the leader's page is gone, the tab that has waited longest leads. */
export function standForLead(candidacy: Candidacy): Election {
  let waiting = new AbortController();
  const stand = async (): Promise<void> => {
    let steal = false;
    for (;;) {
      waiting = new AbortController();
      const outcome = await holdOnce(candidacy, steal ? 'steal' : waiting.signal);
      if (outcome === 'over' || candidacy.signal.aborted) return;
      steal = waiting.signal.aborted;
    }
  };
  void stand();
  return { seize: () => waiting.abort() };
}

/** Waits for the lock, and leads while holding it. */
async function holdOnce(candidacy: Candidacy, how: 'steal' | AbortSignal): Promise<'over' | 'lost'> {
  const { locks, name, signal, lead } = candidacy;
  const options = how === 'steal' ? { steal: true } : { signal: AbortSignal.any([signal, how]) };
  const lost = new AbortController();
  const whileHeld = (): Promise<void> => lead(AbortSignal.any([signal, lost.signal]));
  try {
    await locks.request(name, options, whileHeld);
    return 'over';
  } catch (thrown) {
    lost.abort();
    if ((thrown as Error).name === 'AbortError') return 'lost';
    // There are no locks here, for example in a sandboxed frame: each tab leads itself.
    await lead(signal);
    return 'over';
  }
}
