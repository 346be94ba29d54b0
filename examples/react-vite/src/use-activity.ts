import type { StreamEvent } from '@flowfi/stream-events';
import { useStreamEvents } from '@flowfi/stream-events/react';
import { useCallback, useEffect, useState } from 'react';
import { get } from './service';

/** An event, as far as this page shows it. */
export type Happening = Pick<
  StreamEvent,
  'id' | 'type' | 'streamId' | 'sender' | 'recipient' | 'amount' | 'tokenAddress' | 'ledgerClosedAt'
>;

const SHOWN = 100;
const AGAIN_AFTER_MS = 3_000;

/** Returns the last events, newest first: those of before by REST, then each as it comes. None: not known yet. */
export function useActivity(): readonly Happening[] | undefined {
  const [before, setBefore] = useState<readonly Happening[]>();
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((last) => last + 1), []);
  const { events, connected } = useStreamEvents({ subscribeToAll: true, onReset: again, onRevised: again, onChanged: again });
  useEffect(() => {
    const ends = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    get<{ events: Happening[] }>(`/v1/events?limit=${SHOWN}`, ends.signal)
      .then((answer) => setBefore(answer.events))
      .catch(() => {
        if (!ends.signal.aborted) retry = setTimeout(again, AGAIN_AFTER_MS);
      });
    return () => {
      ends.abort();
      clearTimeout(retry);
    };
  }, [round, connected, again]);
  return before && newestFirst([...events.map(({ data }) => data), ...before]);
}

/** Puts events in order, each once. Ids sort as text. */
function newestFirst(events: readonly Happening[]): Happening[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, SHOWN);
}
