// The form for a token, where the service reads tokens.

import { onDenied } from './api.js';
import { byId, setText } from './dom.js';
import { asksWho, currentToken, forgetToken, keepToken, lacksToken } from './token.js';

const NOTHING = 'This service shows nothing without a token.';

export const access = {
  start() {
    if (!asksWho) return;
    byId('token-open').hidden = false;
    byId('token-open').addEventListener('click', () => show(byId('access').hidden, 'A token says who you are, and so which streams you see.'));
    byId('token-form').addEventListener('submit', submit);
    byId('token-forget').addEventListener('click', () => {
      show(false);
      forgetToken(true);
    });
    onDenied(refusal => access.want(reasonOf(refusal)));
    showKept();
    if (lacksToken()) show(true, NOTHING);
  },

  /** Asks for a token; once, until there is another one to refuse. */
  want(reason) {
    if (byId('access').hidden || currentToken() !== null) show(true, reason);
  },

  /** The token has ended: asks for another one. */
  ended(reason) {
    forgetToken(false);
    show(true, `The token ${reason === 'revoked' ? 'was revoked' : 'has expired'}. Paste another one: the events go on after the last one seen.`);
  },
};

function reasonOf(refusal) {
  if (refusal.status === 403) return `The token does not allow this: ${refusal.message}.`;
  return currentToken() === null ? NOTHING : `The service does not take this token: ${refusal.message}.`;
}

function show(isWanted, reason) {
  const wasHidden = byId('access').hidden;
  byId('access').hidden = !isWanted;
  byId('token-open').setAttribute('aria-expanded', String(isWanted));
  if (reason) setText(byId('token-reason'), reason);
  showKept();
  if (isWanted && wasHidden) byId('token').focus();
}

function showKept() {
  const isKept = currentToken() !== null;
  byId('token-forget').hidden = !isKept;
  setText(byId('token-open'), isKept ? 'Token kept' : 'Token');
}

function submit(event) {
  event.preventDefault();
  const field = byId('token');
  const token = field.value.trim().replace(/^Bearer\s+/i, '');
  // A header holds no other characters than these.
  if (!/^[\w.~+/=-]+$/.test(token)) {
    setText(byId('token-reason'), 'That is no token: paste the whole text of it, without spaces.');
    field.focus();
    return;
  }
  field.value = '';
  keepToken(token);
  show(false);
}
