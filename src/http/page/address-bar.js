// The address bar: which view is open, and its filters. A link shows everybody the same view, and the browser's "back"
// undoes a step.

/** The filters of the event list beside the view. They are kept when another view is opened. */
const KEPT = ['type', 'about'];

let listener = () => {};
/** The last filters of each view, which a link to the view restores. */
const queries = new Map();

/** The open place: a `view`, the stream's `ref` in a stream's view, and the `parameters`. */
export function readPlace() {
  const [, path, query] = /^#?([^?]*)\??(.*)$/s.exec(location.hash);
  const parameters = new URLSearchParams(query);
  const [name, ref] = path.split(/\/(.*)/s);
  if (name === 'stream' && ref) return { view: 'stream', ref: decoded(ref), parameters };
  return { view: name === 'console' ? name : 'streams', ref: null, parameters };
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

/** Changes parameters of the open view; null removes one. While typing, the same history entry is replaced. */
export function narrow(changes, { isTyping = false, state = history.state } = {}) {
  const [path, query] = location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') parameters.delete(name);
    else parameters.set(name, value);
  }
  write(path, parameters, state, isTyping);
}

/** Opens a stream, or another place that one of our links names. */
export function open(hash) {
  const [path, query] = hash.slice(1).split('?');
  const parameters = new URLSearchParams(query ?? queries.get(path));
  const { parameters: now } = readPlace();
  for (const name of KEPT) if (now.has(name)) parameters.set(name, now.get(name));
  write(path, parameters, null, false);
}

function write(path, parameters, state, isReplaced) {
  const query = parameters.toString();
  const hash = `#${path}${query ? `?${query}` : ''}`;
  history[isReplaced ? 'replaceState' : 'pushState'](state, '', hash);
  hear();
}

function hear() {
  const place = readPlace();
  if (place.view !== 'stream') queries.set(place.view === 'console' ? 'console' : '', place.parameters.toString());
  listener(place);
}

/** Sets who is told about each place, starting with the current one. */
export function onPlace(told) {
  listener = told;
  addEventListener('hashchange', hear);
  document.addEventListener('click', follow);
  hear();
}

/** Follows our own links, which keep the filter of the events. A click that opens another tab is left to the browser.
    */
function follow(click) {
  const link = click.target.closest?.('a[href^="#"]');
  if (!link || link.id === 'skip' || click.defaultPrevented || click.button !== 0) return;
  if (click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
  click.preventDefault();
  open(link.getAttribute('href'));
}
