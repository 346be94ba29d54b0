import type { EventType } from '../api-types';

/**
 * Which events are wanted: those of any of the streams, those with any of the users as sender or recipient, or all. If
 * `types` is given, only events of these types.
 */
export interface EventFilter {
  /** Stream ids: `7`, or `C…:7` if the service follows several contracts. */
  streams?: readonly string[] | undefined;
  /** Stellar addresses. */
  users?: readonly string[] | undefined;
  types?: readonly EventType[] | undefined;
  all?: boolean | undefined;
}

/** Returns the filter in its canonical form: sorted, without duplicates and empty lists. */
export function normaliseFilter(filter: EventFilter): EventFilter {
  return {
    ...listed('streams', filter.streams),
    ...listed('users', filter.users),
    ...listed('types', filter.types),
    ...(filter.all ? { all: true } : {}),
  };
}

/** Whether the filter selects nothing; the service refuses such a filter. */
export function isEmptyFilter(filter: EventFilter): boolean {
  return !filter.all && !filter.streams?.length && !filter.users?.length;
}

/** Returns the filter as query parameters. */
export function filterQuery(filter: EventFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(normaliseFilter(filter))) query.set(name, String(value));
  return query;
}

function listed(name: string, values: readonly string[] | undefined): Record<string, string[]> {
  return values?.length ? { [name]: [...new Set(values)].sort() } : {};
}
