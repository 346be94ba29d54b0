// What the console subscribes to: the parameters in the address bar as a request, and as a command for a shell.

import { subscribePath } from './subscription.js';
import { sendsToken } from './token.js';

/** The filter's parameters, in the order of the form. */
const NAMES = ['all', 'streams', 'users', 'types', 'contract', 'strict'];

/** Commas and colons are left unescaped, because people read the line. */
const encoded = text =>
  encodeURIComponent(text.replace(/\s+/g, '')).replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll("'", '%27');

export function queryOf(parameters) {
  return NAMES.filter(name => parameters.get(name)).map(name => `${name}=${encoded(parameters.get(name))}`).join('&');
}

/** The id to start after; null if the subscription starts now. */
export const afterOf = parameters => parameters.get('after')?.trim() || null;

/** A header cannot hold any other characters. */
export const isSendable = id => id === null || /^[\x21-\x7e]+$/.test(id);

const quoted = text => `'${String(text).replaceAll("'", String.raw`'\''`)}'`;

/** The same request for a shell. The token is a variable of that shell, because copied commands end up in notes and
    histories. */
export function curlLine(parameters) {
  const after = afterOf(parameters);
  const headers = [
    ...(sendsToken() ? ['"authorization: Bearer $TOKEN"'] : []),
    ...(after === null ? [] : [quoted(`Last-Event-ID: ${after}`)]),
  ];
  const address = new URL(subscribePath(queryOf(parameters)), location.href);
  return ['curl -N', ...headers.map(header => `-H ${header}`), quoted(address)].join(' ');
}
