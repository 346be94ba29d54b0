/** Yields the frames of an event stream, parsed as `EventSource` does, until the service ends it. */
export async function* framesOf(url, headers = {}) {
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } });
  if (!response.ok) {
    const { status } = response;
    throw Object.assign(new Error(`${status}: ${await response.text()}`), { status });
  }
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const frame = Object.fromEntries(block.split('\n').map(fieldOf));
      if (frame.data !== undefined) yield { ...frame, data: JSON.parse(frame.data) };
    }
  }
}

function fieldOf(line) {
  const [name, ...value] = line.split(': ');
  return [name, value.join(': ')];
}
