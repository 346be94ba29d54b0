import { expect, it } from 'vitest';
import { isAfter } from '../src/core/event-id';
import { filterQuery, isEmptyFilter } from '../src/core/filter';
import { id, resumeId } from './support/service';

it('compares ids by their place in the feed', () => {
  expect(isAfter(id(2), id(1))).toBe(true);
  expect(isAfter(id(1), id(1))).toBe(false);
  expect(isAfter(id(10), id(9))).toBe(true);
});

it('puts a later epoch of the network after all of an earlier one', () => {
  expect(isAfter(id(1, 1), id(9))).toBe(true);
  expect(isAfter(id(9), id(1, 1))).toBe(false);
  expect(isAfter(id(1, 10), id(9, 9))).toBe(true);
  expect(isAfter(id(2, 1), id(1, 1))).toBe(true);
});

it('puts what says more of revisions after what says less of the same event, and before the next event', () => {
  expect(isAfter(resumeId(1, 1), id(1))).toBe(true);
  expect(isAfter(id(1), resumeId(1, 1))).toBe(false);
  expect(isAfter(resumeId(1, 1), resumeId(1, 1))).toBe(false);
  expect(isAfter(resumeId(1, 10), resumeId(1, 9))).toBe(true);
  expect(isAfter(id(2), resumeId(1, 9))).toBe(true);
  expect(isAfter(resumeId(1, 9), id(2))).toBe(false);
  expect(isAfter(resumeId(1, 1, 2), resumeId(2, 9, 1))).toBe(true);
  expect(isAfter(resumeId(1, 1, 1), id(1, 1))).toBe(true);
});

it('spells a filter in one way', () => {
  const one = filterQuery({ streams: ['7', '3', '7'], users: [], types: ['stream.withdrawn', 'stream.created'] });
  const other = filterQuery({ types: ['stream.created', 'stream.withdrawn'], streams: ['3', '7'], all: false });
  expect(String(one)).toBe('streams=3%2C7&types=stream.created%2Cstream.withdrawn');
  expect(String(other)).toBe(String(one));
});

it('knows a filter that asks for nothing', () => {
  expect(isEmptyFilter({ types: ['stream.created'] })).toBe(true);
  expect(isEmptyFilter({ users: ['G'] })).toBe(false);
});
