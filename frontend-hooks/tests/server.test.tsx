import { StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';
import {
  StreamEventsProvider,
  useClaimable,
  useConnectionState,
  useFreshness,
  useStream,
  useStreamEvents,
  useUserStreams,
} from '../src/react';
import { stream } from './support/stream';

function Page() {
  const { events, connected, reconnecting, error } = useStreamEvents({ subscribeToAll: true, storage: 'session' });
  const one = useStream('7');
  const ofUser = useUserStreams('G1');
  const claimable = useClaimable(stream({ claimableAmount: '123' }));
  const { status } = useConnectionState();
  const { isReady, reasons } = useFreshness();
  const freshness = { isReady: isReady ?? null, reasons };
  const shown = { freshness, events, connected, reconnecting, error, one: one.loading, user: ofUser.loading, status };
  return <p>{JSON.stringify({ ...shown, claimable: String(claimable) })}</p>;
}

it('renders on a server, where there is no window, and opens nothing', () => {
  expect(typeof window).toBe('undefined');
  const fetch = vi.fn<typeof globalThis.fetch>();
  const html = renderToString(
    <StrictMode>
      <StreamEventsProvider url="http://service.test" fetch={fetch}>
        <Page />
      </StreamEventsProvider>
    </StrictMode>,
  );
  const shown = JSON.parse(html.replace(/<\/?p>/g, '').replaceAll('&quot;', '"'));
  expect(shown).toEqual({
    events: [],
    connected: false,
    reconnecting: false,
    error: null,
    one: true,
    user: true,
    status: 'closed',
    claimable: '123',
    freshness: { isReady: null, reasons: [] },
  });
  expect(fetch).not.toHaveBeenCalled();
});
