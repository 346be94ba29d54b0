import { describe, expect, it } from 'vitest';
import { type Block, createBlockParser } from '../src/core/block-parser';

function blocksOf(...pieces: string[]): Block[] {
  const blocks: Block[] = [];
  const parse = createBlockParser((block) => blocks.push(block));
  pieces.forEach(parse);
  return blocks;
}

const TEXT =
  ': comment\nretry: 3417\n\nid: 1\nevent: connected\ndata: {}\n\nid:2\ndata:a\ndata: b\n\nid: 3\n\ndata\n\nevent: x\n\n';
const BLOCKS: Block[] = [
  { retryMs: 3417 },
  { id: '1', event: 'connected', data: '{}' },
  { id: '2', data: 'a\nb' },
  { id: '3' },
  { data: '' },
  { event: 'x' },
];

describe('the block parser', () => {
  it('reads fields, comments and blocks without data', () => {
    expect(blocksOf(TEXT)).toEqual(BLOCKS);
  });

  it.each(['\n', '\r', '\r\n'])('reads the same however the text is cut, with lines that end in %j', (lineEnd) => {
    const text = TEXT.replaceAll('\n', lineEnd);
    expect(blocksOf(...text)).toEqual(BLOCKS);
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(blocksOf(text.slice(0, cut), text.slice(cut))).toEqual(BLOCKS);
    }
  });

  it('keeps a block that is not whole to itself', () => {
    expect(blocksOf('id: 1\ndata: half')).toEqual([]);
    expect(blocksOf('id: 1\ndata: half\n')).toEqual([]);
  });

  it('takes no id with a NUL and no retry but digits', () => {
    expect(blocksOf('id: a\0b\nretry: 1e3\nretry: -1\nunknown: 1\n\n')).toEqual([{}]);
  });

  it('takes away one space after the colon and keeps the rest', () => {
    expect(blocksOf('data:  a: b \n\n')).toEqual([{ data: ' a: b ' }]);
  });
});
