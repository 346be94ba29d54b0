// The page with which tests watch events: every way of subscribing, with the results in `window.seen`.
import { connect, shareConnection } from '@flowfi/stream-events';
import { StreamEventsProvider, useStreamEvents } from '@flowfi/stream-events/react';
import { useLayoutEffect } from 'react';
import { createRoot } from 'react-dom/client';

const TYPES = ['created', 'topped_up', 'withdrawn', 'paused', 'resumed', 'cancelled', 'completed', 'fee_collected'];

window.seen = [];
/** The notices that an `EventSource` received besides events. */
window.notices = [];
/** When the hook's component was rendered. */
window.renderedAtMs = [];

window.watch = {
  core: (url) => follow(connect({ url, filter: { all: true } })),
  tabs: (url) => follow(shareConnection({ url, filter: { all: true } })),
  eventSource(url) {
    const source = new EventSource(`${url}/v1/events/subscribe?all=true`);
    for (const type of TYPES) source.addEventListener(`stream.${type}`, ({ data }) => window.seen.push(JSON.parse(data).id));
    for (const notice of ['reset', 'revised']) source.addEventListener(notice, () => window.notices.push(notice));
    window.source = source;
  },
  hook(url) {
    const root = document.body.appendChild(document.createElement('main'));
    createRoot(root).render(
      <StreamEventsProvider url={url} fetch={fetchOneByOne}>
        <Activity />
      </StreamEventsProvider>,
    );
  },
};

/** Hands on each event separately, as a network may. A burst in a few pieces would cause only a few renders. */
async function fetchOneByOne(...request) {
  const response = await fetch(...request);
  const oneByOne = new TransformStream({
    async transform(text, controller) {
      for (const piece of text.split(/(?<=\n\n)/)) {
        controller.enqueue(piece);
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
  });
  const decoded = response.body.pipeThrough(new TextDecoderStream());
  return new Response(decoded.pipeThrough(oneByOne).pipeThrough(new TextEncoderStream()), response);
}

function follow(connection) {
  connection.onFrame((frame) => window.seen.push(frame.kind === 'event' ? frame.event.id : frame.kind));
  window.connection = connection;
}

function Activity() {
  const { events } = useStreamEvents({ subscribeToAll: true, onEvent: ({ id }) => window.seen.push(id) });
  useLayoutEffect(() => void window.renderedAtMs.push(performance.now()));
  return (
    <ul>
      {events.map(({ type, data }) => (
        <li key={data.id}>{type}</li>
      ))}
    </ul>
  );
}
