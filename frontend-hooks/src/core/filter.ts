import type { EventType } from '../api-types';

/**
 * Which events are wanted: those of any of the streams, those with any of the users as sender or recipient, or all;
 * and of these, if `types` is given, those of the types.
 */
export interface EventFilter {
  /** Stream ids, `7`, or `C…:7` where the service follows several contracts. */
  streams?: readonly string[] | undefined;
  /** Stellar addresses. */
  users?: readonly string[] | undefined;
  types?: readonly EventType[] | undefined;
  all?: boolean | undefined;
}

/** Returns the filter in its one spelling: sorted, nothing twice, nothing empty. */
export function normaliseFilter(filter: EventFilter): EventFilter {
  return {
    ...listed('streams', filter.streams),
    ...listed('users', filter.users),
    ...listed('types', filter.types),
    ...(filter.all ? { all: true } : {}),
  };
}

/** Whether the filter asks for anything; the service refuses one that does not. */
export function isEmptyFilter(filter: EventFilter): boolean {
  return !filter.all && !filter.streams?.length && !filter.users?.length;
}

/** Returns the filter as parameters of a query. */
export function filterQuery(filter: EventFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(normaliseFilter(filter))) query.set(name, String(value));
  return query;
}

function listed(name: string, values: readonly string[] | undefined): Record<string, string[]> {
  return values?.length ? { [name]: [...new Set(values)].sort() } : {};
}
