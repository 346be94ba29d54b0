/** The lines between two blank lines of an event stream. */
export interface Block {
  id?: string;
  event?: string;
  data?: string;
  retryMs?: number;
}

/**
 * Returns a function that takes the text of an event stream (WHATWG HTML 9.2) as it arrives and hands on each complete
 * block. Blocks without data are handed on too: their ids move the position of a quiet subscription.
 */
export function createBlockParser(onBlock: (block: Block) => void): (text: string) => void {
  let block: Block = {};
  let rest = '';
  let endedInReturn = false;
  const takeLine = (line: string): void => {
    if (line !== '') return readField(block, line);
    const whole = block;
    block = {};
    onBlock(whole);
  };
  return (text) => {
    if (text === '') return;
    // A two-character line break can be split between two texts.
    const fresh = endedInReturn && text.startsWith('\n') ? text.slice(1) : text;
    endedInReturn = text.endsWith('\r');
    const lines = (rest + fresh).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? '';
    lines.forEach(takeLine);
  };
}

function readField(block: Block, line: string): void {
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (name === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`;
  else if (name === 'event') block.event = value;
  else if (name === 'id' && !value.includes('\0')) block.id = value;
  else if (name === 'retry' && /^\d+$/.test(value)) block.retryMs = Number(value);
}
