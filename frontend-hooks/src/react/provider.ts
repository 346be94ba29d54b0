'use client';

import { createContext, createElement, type ReactNode, useContext, useMemo } from 'react';
import type { Connection } from '../core/connection-state';
import { type EventFilter, normaliseFilter } from '../core/filter';
import { type LastIdStorage, sessionLastIds } from '../core/last-id';
import { pageKey, shareConnection, type ShareOptions } from '../core/share';

/** How the hooks find and use the service. */
export interface StreamEventsOptions extends Partial<Omit<ShareOptions, 'filter' | 'storage' | 'lastEventId'>> {
  /** Where the last id is kept across reloads of the page; `session` is the tab's `sessionStorage`. */
  storage?: 'session' | LastIdStorage | undefined;
}

const Defaults = createContext<StreamEventsOptions>({});

/** The props of the provider: the defaults of every hook below it. */
export interface StreamEventsProviderProps extends StreamEventsOptions {
  children?: ReactNode;
}

/** Tells every hook below it where the service is and how to talk to it. */
export function StreamEventsProvider({ children, ...defaults }: StreamEventsProviderProps): ReactNode {
  return createElement(Defaults.Provider, { value: defaults }, children);
}

/** What a hook needs to stay live. */
export interface Subscription {
  options: Omit<ShareOptions, 'storage'>;
  /** Stays the same for as long as the same connection is wanted. */
  key: string;
  open: () => Connection;
}

/** Returns the connection for a filter, not opened yet. */
export function useSubscription(filter: EventFilter, own: StreamEventsOptions): Subscription {
  const defaults = useContext(Defaults);
  const { storage, url = '', ...others } = { ...defaults, ...own };
  const options = { ...others, url, filter: normaliseFilter(filter) };
  const key = pageKey(options);
  // The options are those of the render in which the key changed, so functions created anew at each render change
  // nothing.
  return useMemo(() => {
    const open = (): Connection =>
      shareConnection({ ...options, storage: storage === 'session' ? sessionLastIds() : storage });
    return { options, key, open };
  }, [key]);
}
