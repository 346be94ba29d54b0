// The steps of a schedule, and the state of each at a moment.

import { msOf, stopsMs } from './release.js';

/** The steps with their states: `open`; `dated`, which opens by itself; `due`, which opens when the stream is resumed; `held`
    back by an earlier step; `locked` until its condition is met, or beyond the year 9999; `void`, because the stream ended first. */
export function stepsAt(stream, nowMs) {
  const untilMs = stopsMs(stream, nowMs);
  let isHeld = false;
  return stream.schedule.steps.map(step => {
    const isReached = msOf(step.unlockTime) <= untilMs;
    const state = isReached && !isHeld ? 'open' : waitingState(stream, step, isReached, nowMs);
    isHeld ||= state !== 'open';
    return { ...step, state };
  });
}

function waitingState({ isActive }, { unlockTime }, isReached, nowMs) {
  if (!isActive) return 'void';
  if (unlockTime === null) return 'locked';
  if (isReached) return 'held';
  return msOf(unlockTime) <= nowMs ? 'due' : 'dated';
}
