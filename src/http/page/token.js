// The caller's token: kept for this tab only, sent in a header, never in a URL.

const KEY = 'flowfi-token';
const listeners = new Set();

const { auth, visibility } = document.documentElement.dataset;

/** Whether the service reads tokens at all. */
export const asksWho = auth !== 'off';

export const currentToken = () => (asksWho ? sessionStorage.getItem(KEY) : null);

/** What a token says about its bearer, without the times that differ between two tokens of the same caller. A text that
    is not a JWT, such as an API key, stands for itself. */
export function callerOf(token) {
  if (token === null) return null;
  try {
    const { iat, exp, nbf, jti, ...claims } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return JSON.stringify(Object.entries(claims).sort());
  } catch {
    return token;
  }
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
  for (const listener of listeners) listener();
}

/** Forgets the token. Listeners are told only if a person asked for it. */
export function forgetToken(byPerson) {
  sessionStorage.removeItem(KEY);
  if (byPerson) for (const listener of listeners) listener();
}

export const onToken = listener => listeners.add(listener);

/** Whether a token is required but missing. */
export const lacksToken = () => auth === 'required' && currentToken() === null;

/** Whether requests carry a token, or need one. */
export const sendsToken = () => lacksToken() || currentToken() !== null;

/** Whether callers see only their own streams. */
export const seesOwnOnly = asksWho && visibility === 'participants';

/** Shown instead of what a caller without a token cannot see. */
export const SIGN_IN = 'Sign in to see streams and their events: without a token this service shows none.';

/** Whether the service answers, but shows nothing, because the caller has no token. */
export const seesNothing = () => seesOwnOnly && currentToken() === null;

/** The headers that carry the token. */
export function tokenHeaders() {
  const token = currentToken();
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
