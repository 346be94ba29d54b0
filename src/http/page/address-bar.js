// The address bar: which view is open and what it is narrowed to. A link shows the same to whoever opens it, and the
// browser's "back" undoes a step.

/** What the events beside the view are narrowed to: kept when another view is opened. */
const KEPT = ['type', 'about'];

let listener = () => {};
/** How each view was narrowed last: where a link to it leads back to. */
const queries = new Map();

/** What is open: a `view`, in a stream's view the stream's `ref`, and the `parameters`. */
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

/** Changes parameters of what is open; null takes one away. Typing replaces the entry of the history it began. */
export function narrow(changes, { isTyping = false, state = history.state } = {}) {
  const [path, query] = location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') parameters.delete(name);
    else parameters.set(name, value);
  }
  write(path, parameters, state, isTyping);
}

/** Opens a stream, or what else a link of ours names. */
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

/** Names who is told of each place, from the present one on. */
export function onPlace(told) {
  listener = told;
  addEventListener('hashchange', hear);
  document.addEventListener('click', follow);
  hear();
}

/** Our own links keep the filter of the events. A click that opens another tab is the browser's. */
function follow(click) {
  const link = click.target.closest?.('a[href^="#"]');
  if (!link || link.id === 'skip' || click.defaultPrevented || click.button !== 0) return;
  if (click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
  click.preventDefault();
  open(link.getAttribute('href'));
}
