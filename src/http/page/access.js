// The form for a token, if the service reads tokens.

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

  /** Asks for a token. Asks again only after another token was refused. */
  want(reason) {
    if (byId('access').hidden || currentToken() !== null) show(true, reason);
  },

  /** Asks for a new token because the current one has ended. */
  ended(reason) {
    forgetToken(false);
    show(true, `${endText(reason)} Sign in again, and paste the new token: the events continue after the last one seen.`);
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

/** Explains how a token ended. */
export const endText = reason => (reason === 'revoked' ? 'The token was revoked.' : 'The token has expired.');

function submit(event) {
  event.preventDefault();
  const field = byId('token');
  const token = field.value.trim().replace(/^Bearer\s+/i, '');
  // A header cannot hold any other characters.
  if (!/^[\w.~+/=-]+$/.test(token)) {
    setText(byId('token-reason'), 'That is not a token: paste all of it, without spaces.');
    field.focus();
    return;
  }
  field.value = '';
  keepToken(token);
  show(false);
}
