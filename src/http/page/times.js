// Times: how they are written, and the ledger's clock.

/** How far the page extrapolates from the newest known ledger. Beyond that, the network or the indexer is standing
    still. */
const LARGEST_LEAD_MS = 20_000;

const UNITS = [['y', 31_536_000], ['d', 86_400], ['h', 3_600], ['m', 60], ['s', 1]];

/** A duration in its two largest units. */
export function durationText(seconds) {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0s';
  const [name, size] = UNITS[first];
  const text = `${Math.floor(seconds / size).toLocaleString('en')}${name}`;
  if (first === UNITS.length - 1) return text;
  const [nextName, nextSize] = UNITS[first + 1];
  return `${text} ${String(Math.floor((seconds % size) / nextSize)).padStart(2, '0')}${nextName}`;
}

const timeParts = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
const timeFormat = new Intl.DateTimeFormat('en-GB', timeParts);
const dateFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', ...timeParts });

/** The time of day, with its zone. */
export const timeText = ms => timeFormat.format(ms);

/** The time of day, with the date if it is not today. */
export const momentText = ms => (new Date(ms).toDateString() === new Date().toDateString() ? timeText(ms) : dateFormat.format(ms));

export const dateText = seconds => (seconds === null ? '–' : dateFormat.format(seconds * 1000));

/** The ledger's time. Answers always arrive late, by varying delays, so the answer that puts the clock furthest ahead
    is the most accurate. Keeping to it also keeps the shown numbers from running backwards. */
export const clock = {
  newest: 0,
  offset: null,
  /** Whether the clock is stopped at the newest known ledger because the service does not answer. */
  isHeld: false,

  hear(seconds) {
    if (!Number.isFinite(seconds)) return;
    const offset = seconds * 1000 - performance.now();
    const leads = this.offset === null || offset > this.offset || this.offset - offset > LARGEST_LEAD_MS;
    if (leads && seconds >= this.newest) this.offset = offset;
    this.newest = Math.max(this.newest, seconds);
  },

  isKnown() { return this.offset !== null; },
  reckoned() { return performance.now() + this.offset; },
  standsStill() { return !this.isHeld && this.reckoned() > this.newest * 1000 + LARGEST_LEAD_MS; },

  /** The ledger's time in milliseconds. */
  now() {
    const lead = this.isHeld ? 0 : LARGEST_LEAD_MS;
    return Math.floor(Math.min(this.reckoned(), this.newest * 1000 + lead));
  },

  forget() {
    this.newest = 0;
    this.offset = null;
  },
};

/** The whole second that contains a time: the contract has no smaller unit. */
export const wholeSecond = ms => ms - (ms % 1000);
