// The released amount over time, as a line. Coordinates are shares of the width and of the deposit.

import { big } from './amounts.js';
import { bendsOf, endMs, msOf, paceOf, standsAt, stopsMs } from './release.js';
import { stepsAt } from './schedule-steps.js';

/** The share of the width for steps without a time, if there are any. */
const UNTIMED_WIDTH = 0.2;

const LAST_DATE_MS = 253_402_300_799_000;

/** The line of a stream with a known schedule: its points in the `past` and `ahead`, the `mark` between them, the share that
    was `paid` out, and `dots` where an amount is released at once. Null if there is nothing to draw. */
export function shapeOf(stream, nowMs) {
  if (big(stream.depositedAmount) <= 0n) return null;
  const span = spanOf(stream, nowMs);
  if (span === null) return null;
  const { timed, untimed } = leapsOf(stream, span, nowMs);
  const scale = scaleOf(stream, span, untimed.length > 0 ? 1 - UNTIMED_WIDTH : 1, nowMs);
  const { past, ahead } = lineOf(stream, span, scale);
  const { rise, dots } = riseOf(untimed, ahead.at(-1), scale);
  return {
    ...span, width: scale.width, past, ahead: [...ahead, ...rise], mark: past.at(-1),
    paid: scale.shareOf(big(stream.withdrawnAmount)), dots: [...timed.map(leap => dotOf(leap, span, scale)), ...dots],
  };
}

/** The first and the last time of the picture, and the time of its mark. Null if it has no end. */
function spanOf(stream, nowMs) {
  const fromMs = msOf(stream.startTime ?? stream.lastUpdateTime);
  const stopMs = stopsMs(stream, nowMs);
  const heldMs = stream.isPaused && paceOf(stream) !== null ? nowMs - stopMs : 0;
  const markMs = stream.isActive ? nowMs : stopMs;
  const reachesMark = stream.isPaused || !stream.isActive || isLocked(stream);
  const toMs = Math.max(endMs(stream) + heldMs, reachesMark ? markMs : 0, fromMs + 1000);
  return stopMs <= LAST_DATE_MS && toMs <= LAST_DATE_MS ? { fromMs, toMs, markMs: Math.min(Math.max(markMs, fromMs), toMs) } : null;
}

const isLocked = ({ schedule }) => schedule.kind === 'steps' && schedule.steps.some(({ unlockTime }) => unlockTime === null);

/** Converts times and amounts to shares. */
function scaleOf(stream, { fromMs, toMs }, width, nowMs) {
  const deposited = big(stream.depositedAmount);
  const shareOf = amount => Math.min(Number(amount * 10_000n / deposited) / 10_000, 1);
  return {
    width, shareOf,
    xOf: atMs => (atMs - fromMs) / (toMs - fromMs) * width,
    yOf: atMs => shareOf(standsAt(stream, atMs, nowMs)),
  };
}

/** The points of the line. It can jump at each bend, and is straight in between. */
function lineOf(stream, { fromMs, toMs, markMs }, { xOf, yOf }) {
  const all = [fromMs, ...bendsOf(stream), markMs, toMs].map(Math.round).filter(at => at >= fromMs && at <= toMs);
  const times = [...new Set(all)].sort((a, b) => a - b);
  const through = part => part.slice(1).flatMap((to, at) => [[xOf(part[at]), yOf(part[at] + 1)], [xOf(to), yOf(to - 1)]]);
  const past = [...through(times.filter(at => at <= markMs)), [xOf(markMs), yOf(markMs)]];
  const ahead = stream.isActive ? [past.at(-1), ...through(times.filter(at => at >= markMs)), [xOf(toMs), yOf(toMs)]] : [];
  return { past, ahead };
}

/** The amounts that are released at once: steps and cliffs with a time, and steps that wait for a condition, their own or
    that of an earlier step. */
function leapsOf(stream, { toMs }, nowMs) {
  const { schedule, cliffTime, isActive } = stream;
  if (schedule.kind !== 'steps') {
    if (!(msOf(cliffTime) <= toMs)) return { timed: [], untimed: [] };
    const isReached = msOf(cliffTime) <= stopsMs(stream, nowMs);
    return { timed: [{ atMs: msOf(cliffTime), state: isReached ? 'open' : isActive ? 'dated' : 'void' }], untimed: [] };
  }
  const atEnd = isActive ? stepsAt({ ...stream, isPaused: false }, toMs) : stepsAt(stream, nowMs);
  const steps = stepsAt(stream, nowMs).map((step, at) => ({ ...step, atMs: msOf(step.unlockTime), comes: atEnd[at].state === 'open' }));
  return { timed: steps.filter(({ comes }) => comes), untimed: isActive ? steps.filter(({ comes }) => !comes) : [] };
}

/** A step that is due when the stream is resumed cannot open before now. */
function dotOf({ atMs, state }, { markMs }, { xOf, yOf }) {
  const shownMs = state === 'due' ? markMs : atMs;
  return { x: xOf(shownMs), y: yOf(shownMs + (state === 'due' ? 1 : 0)), state };
}

/** The untimed steps one after the other, from the end of the line. */
function riseOf(untimed, start, { width, shareOf }) {
  const rise = [];
  const dots = [];
  let [, height] = start ?? [width, 0];
  untimed.forEach(({ unlockAmount, state }, at) => {
    const x = width + (1 - width) * (at + 0.5) / untimed.length;
    rise.push([x, height], [x, height = Math.min(height + shareOf(big(unlockAmount)), 1)]);
    dots.push({ x, y: height, state });
  });
  return { rise: untimed.length > 0 ? [...rise, [1, height]] : rise, dots };
}
