// Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
// run again.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from '@flowfi/stream-events';

const { FLOWFI_URL: url = 'http://127.0.0.1:8080', FLOWFI_TOKEN: token } = process.env;
const file = 'last-event-id';

const connection = connect({
  url,
  filter: { all: true },
  auth: token ? { token } : undefined,
  lastEventId: readLastId(),
});

connection.onFrame((frame) => {
  if (frame.kind === 'event') {
    const { id, type, streamId, amount } = frame.event;
    // An event of the protocol has no stream, and many have no amount.
    console.log(...[id, type, streamId, amount].filter((value) => value != null));
  } else {
    console.error(`${frame.kind}: fetch anew by REST what you keep`);
  }
});

connection.subscribe(() => {
  const { status, lastEventId, error } = connection.getSnapshot();
  if (lastEventId) keep(lastEventId);
  if (status === 'reconnecting') console.error('coming back …');
  if (status === 'closed') throw error;
});

// Moved into place, so that whoever is ended meanwhile leaves a whole id.
function keep(id) {
  writeFileSync(`${file}.new`, id);
  renameSync(`${file}.new`, file);
}

function readLastId() {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
