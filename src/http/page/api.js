// Requests, and the messages when they fail. URLs are relative: a proxy may serve all of this below a path.

import { currentToken, lacksToken, SIGN_IN, tokenHeaders } from './token.js';

/** A request that the service answered with a problem. A request without an answer, or with that of a proxy, fails with a
    plain error. */
export class Refusal extends Error {
  constructor(problem, status, retryAfterMs) {
    super(problem?.detail ?? problem?.title ?? `the server answered ${status}`);
    Object.assign(this, { status, retryAfterMs, code: problem?.code ?? null, parameter: problem?.parameter ?? null });
  }
}

/** The shortest and the longest wait, in milliseconds, that an answer can ask for. A browser's timer that is set
    to wait for more than 24 days may not wait at all. */
const LEAST_MS = 100;
const MOST_MS = 600_000;

export const bounded = ms => Math.min(Math.max(ms, LEAST_MS), MOST_MS);

export const isDenied = error => error instanceof Refusal && (error.status === 401 || error.status === 403);

let denied = () => {};

/** Sets who is told when the service wants another token. */
export const onDenied = listener => { denied = listener; };

const isProblem = answer => answer.headers.get('content-type')?.startsWith('application/problem+json');

/** Returns the refusal in an answer. Whatever is not a problem was not said by the service, but by something in between. */
export async function refusalOf(answer) {
  const seconds = Number(answer.headers.get('retry-after'));
  const retryAfterMs = seconds > 0 ? bounded(seconds * 1000) : null;
  if (!isProblem(answer)) {
    return Object.assign(new Error(`not the indexer, but something before it answered ${answer.status}`), { retryAfterMs });
  }
  const refusal = new Refusal(await answer.json().catch(() => null), answer.status, retryAfterMs);
  if (isDenied(refusal)) denied(refusal);
  return refusal;
}

/** Refuses a request as the service would, without sending it, if a required token is missing. */
export function refuseWithoutToken() {
  if (!lacksToken()) return;
  const refusal = new Refusal({ detail: 'a token is missing' }, 401, null);
  denied(refusal);
  throw refusal;
}

/** Sends a request, and returns the JSON of the answer. A local network does not check tokens. */
export async function ask(path, { signal, ...options } = {}) {
  if (!path.startsWith('devnet/')) refuseWithoutToken();
  const patience = AbortSignal.timeout(20_000);
  const answer = await fetch(path, {
    ...options,
    headers: { ...options.headers, ...tokenHeaders() },
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
  });
  if (!answer.ok) throw await refusalOf(answer);
  return answer.json();
}

export const post = (path, body = {}) =>
  ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** Builds a path with those parameters that have a value. */
export function withQuery(path, parameters) {
  const said = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return said.length ? `${path}?${new URLSearchParams(said)}` : path;
}

export function sentence(text) {
  const first = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Explains why the service does not answer this caller. */
export function denialText(refusal) {
  if (refusal.status === 403) return `The token does not allow this: ${sentence(refusal.message)}`;
  if (currentToken() === null) return SIGN_IN;
  return `${sentence(refusal.message)} Sign in again.`;
}

/** Explains a failure to a person. */
export function kindly(error) {
  if (isDenied(error)) return denialText(error);
  return error instanceof Refusal ? sentence(error.message) : 'The indexer does not answer.';
}

/** Explains why the contract, or something in between, refused an action. */
export function refusalText(error) {
  if (!(error instanceof Refusal)) return kindly(error);
  const number = error.code === null ? '' : ` (its error ${error.code})`;
  const isContract = error.status === 409 || error.status === 422;
  return isContract ? `The contract refused${number}: ${sentence(error.message)}` : kindly(error);
}
