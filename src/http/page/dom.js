// Elements: building them, updating them only if something changed, and showing notices.

export const byId = id => document.getElementById(id);

export const calmMotion = matchMedia('(prefers-reduced-motion: reduce)');

/** Builds an element. Children that are strings become text, never markup, because the content comes from outside. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

export function flash(element) {
  if (calmMotion.matches) return;
  element.animate([{ backgroundColor: 'var(--flash)' }, { backgroundColor: 'transparent' }], { duration: 1600, easing: 'ease-out' });
}

/** Returns a function that runs `work` once in the next frame, however often it is called before. A hidden page gets no
    frames; there it runs within a second. */
export function perFrame(work) {
  let frame = null;
  let timer = null;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = null;
    work();
  };
  return () => {
    if (frame !== null) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, 1_000);
  };
}

let noticeTimer;

/** Shows a message for a few seconds, politely for screen readers. */
export function notify(text, isBad = false) {
  const notice = byId('notice');
  notice.className = isBad ? 'notice bad' : 'notice';
  notice.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.textContent = ''; }, isBad ? 10_000 : 6_000);
}
