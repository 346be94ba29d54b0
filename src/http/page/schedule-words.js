// The schedule of a stream in words.

import { big, digitsOf, unitWord } from './amounts.js';
import { make } from './dom.js';
import { digitsElement } from './meter.js';
import { msOf, stopsMs } from './release.js';
import { stepsAt } from './schedule-steps.js';
import { dateText, durationText } from './times.js';

const dateOr = (seconds, otherwise) => (seconds === null ? otherwise : dateText(seconds));

function amountNodes(text, { tokenAddress }) {
  return [digitsElement(digitsOf(big(text), tokenAddress)), ` ${unitWord(tokenAddress)}`.trimEnd()];
}

function accruing(stream) {
  if (big(stream.ratePerSecond) <= 0n) return ['Accrues nothing: its rate is zero'];
  return [stream.isActive ? 'Accrues' : 'Accrued', ' evenly, ', ...amountNodes(stream.ratePerSecond, stream), ' a second'];
}

function cliffText(stream, nowMs) {
  const { cliffTime, isActive } = stream;
  if (msOf(cliffTime) <= (isActive ? nowMs : stopsMs(stream, nowMs))) return `. Its cliff was on ${dateText(cliffTime)}.`;
  if (!isActive) return `. It ended before its cliff on ${dateOr(cliffTime, 'a day beyond the year 9999')}.`;
  return `, but nothing can be claimed before ${dateOr(cliffTime, 'the year 9999 is over')}.`;
}

function lump(stream) {
  const { cliffTime, cliffAmount } = stream.schedule;
  const day = dateOr(cliffTime, 'a day beyond the year 9999');
  return [...amountNodes(cliffAmount, stream), ` at once on ${day}, then `, ...amountNodes(stream.ratePerSecond, stream), ' a second.'];
}

const COUNTED = [
  ['open', 'open'], ['dated', 'not open yet'], ['due', 'due when it is resumed'], ['held', 'held back by an earlier one'],
  ['locked', 'locked, with no date'], ['void', 'never opened'],
];

function stepsText(stream, nowMs) {
  const steps = stepsAt(stream, nowMs);
  const countOf = state => steps.filter(step => step.state === state).length;
  const said = COUNTED.filter(([state]) => countOf(state) > 0).map(([state, words]) => `${countOf(state)} ${words}`).join(', ');
  return [`In ${steps.length === 1 ? 'one step' : `${steps.length} steps`}: ${said}.`];
}

const SENTENCES = {
  linear: stream => [...accruing(stream), '.'],
  cliff: (stream, nowMs) => [...accruing(stream), cliffText(stream, nowMs)],
  cliffLump: lump,
  steps: stepsText,
  interval: stream => [...amountNodes(stream.schedule.amount, stream), ` after every ${durationText(stream.schedule.everySeconds)}.`],
};

/** The schedule in a sentence or two; empty if it is unknown. */
export function scheduleNodes(stream, nowMs) {
  const sentence = SENTENCES[stream.schedule.kind]?.(stream, nowMs) ?? [];
  const allowance = ' It is based on an allowance: it pays out only what was added by top-ups.';
  return stream.isAllowanceBased ? [...sentence, allowance] : sentence;
}

const STATES = {
  open: ({ unlockTime }) => `open since ${dateText(unlockTime)}`,
  dated: ({ unlockTime }) => `opens on ${dateText(unlockTime)}`,
  due: () => 'opens when the stream is resumed',
  held: () => 'held back until those before it are open',
  locked: () => 'locked until its condition is met, or beyond the year 9999',
  void: () => 'never opened',
};

/** The steps as list items. */
export function stepItems(stream, nowMs) {
  return stepsAt(stream, nowMs).map(step => {
    const state = make('span', { class: 'soft' }, ` ${STATES[step.state](step)}`);
    return make('li', { 'data-state': step.state }, ...amountNodes(step.unlockAmount, stream), state);
  });
}
