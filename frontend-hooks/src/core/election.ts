/** What of the browser's Web Locks is used. */
export interface Locks {
  request(name: string, options: LockOptions, whileHeld: () => Promise<void>): Promise<unknown>;
}

/** One tab's part in choosing who leads. */
export interface Election {
  /** Takes the lead from a tab that says nothing. */
  seize: () => void;
}

/** What a tab stands for, and when. */
export interface Candidacy {
  locks: Locks;
  name: string;
  /** Aborts when the tab no longer stands. */
  signal: AbortSignal;
  /** Leads until its signal aborts, or until it gives the lead up for good. */
  lead: (signal: AbortSignal) => Promise<void>;
}

/** Stands for the lead: it falls to the tab that waited longest once the leader's page is gone. */
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

/** Waits for the lock and leads while it is held. */
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
    // No locks here, as in a sandboxed frame: each tab leads itself.
    await lead(signal);
    return 'over';
  }
}
