// The caller's token: kept for this tab only, shown in a header, never in an address.

const KEY = 'flowfi-token';
const listeners = new Set();

const { auth, visibility } = document.documentElement.dataset;

/** Whether the service reads tokens at all. */
export const asksWho = auth !== 'off';

export const currentToken = () => (asksWho ? sessionStorage.getItem(KEY) : null);

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
  for (const listener of listeners) listener();
}

/** Forgets the token; whoever listens is told only if a person wanted it. */
export function forgetToken(byPerson) {
  sessionStorage.removeItem(KEY);
  if (byPerson) for (const listener of listeners) listener();
}

export const onToken = listener => listeners.add(listener);

/** Whether there is nothing to be had without a token that is not there. */
export const lacksToken = () => auth === 'required' && currentToken() === null;

/** Whether requests say who asks, or have to. */
export const sendsToken = () => lacksToken() || currentToken() !== null;

/** Whether a caller sees its own streams only. */
export const seesOwnOnly = asksWho && visibility === 'participants';

/** What is said instead of what a caller without a token does not see. */
export const SIGN_IN = 'Sign in to see streams and their events: without a token this service shows none.';

/** Whether the service answers, but with nothing, because it does not know who asks. */
export const seesNothing = () => seesOwnOnly && currentToken() === null;

/** The headers that say who asks. */
export function tokenHeaders() {
  const token = currentToken();
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
