// The form for a token, where the service reads tokens.

import { denialText, onDenied } from './api.js';
import { byId, setText } from './dom.js';
import { asksWho, currentToken, forgetToken, keepToken, lacksToken, seesNothing, SIGN_IN } from './token.js';

export const access = {
  start() {
    if (!asksWho) return;
    byId('token-open').hidden = false;
    byId('token-open').addEventListener('click', () => show(byId('access').hidden, 'Sign in with a token: it says who you are, and so which streams you see.'));
    byId('token-form').addEventListener('submit', submit);
    byId('token-forget').addEventListener('click', () => {
      show(false);
      forgetToken(true);
    });
    onDenied(refusal => access.want(reasonOf(refusal)));
    showKept();
    if (lacksToken() || seesNothing()) show(true, SIGN_IN);
  },

  /** Asks for a token; once, until there is another one to refuse. */
  want(reason) {
    if (byId('access').hidden || currentToken() !== null) show(true, reason);
  },

  /** The token has ended: asks for another one. */
  ended(reason) {
    forgetToken(false);
    show(true, `${endText(reason)} Sign in again, and paste the new token: the events go on after the last one seen.`);
  },
};

const reasonOf = refusal => (currentToken() === null ? SIGN_IN : denialText(refusal));

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

/** Says how a token ended. */
export const endText = reason => (reason === 'revoked' ? 'The token was revoked.' : 'The token has expired.');

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
