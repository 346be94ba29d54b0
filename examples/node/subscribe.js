// Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
// run again. FLOWFI_LAST_ID_FILE names the file that keeps the last id, and FLOWFI_LONGEST_WAIT_SECONDS limits the time that
// it waits before it comes back, unless the service itself asks for more.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from '@flowfi/stream-events';

const { FLOWFI_URL: url = 'http://127.0.0.1:8080', FLOWFI_TOKEN: token } = process.env;
const { FLOWFI_LAST_ID_FILE: file = 'last-event-id', FLOWFI_LONGEST_WAIT_SECONDS: longestWaitSeconds = 30 } = process.env;

const connection = connect({
  url,
  filter: { all: true },
  auth: token ? { token } : undefined,
  lastEventId: readLastId(),
  backOff: { longestMs: longestWaitSeconds * 1_000 },
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
