/** A value that can be read at any time and announces its changes, as `useSyncExternalStore` needs it. */
export interface Store<T> {
  getSnapshot: () => T;
  subscribe: (listener: () => void) => () => void;
}

/** A store whose owner can set the value. */
export interface SettableStore<T> extends Store<T> {
  set: (next: T) => void;
}

/** A signal that each listener receives once. */
export interface Signal<T> {
  emit: (value: T) => void;
  on: (listener: (value: T) => void) => () => void;
}

export function createSignal<T>(): Signal<T> {
  const listeners = new Set<{ tell: (value: T) => void }>();
  return {
    emit: (value) => {
      for (const listener of [...listeners]) tellSafely(listener.tell, value);
    },
    on: (tell) => {
      // A separate entry, so that one function can listen twice.
      const listener = { tell };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function createStore<T>(initial: T): SettableStore<T> {
  let value = initial;
  const changed = createSignal<void>();
  return {
    getSnapshot: () => value,
    subscribe: changed.on,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      changed.emit();
    },
  };
}

/** Returns the store's `subscribe`, which starts something with the first listener and stops it with the last. */
export function whileHeard<T>(store: Store<T>, start: () => () => void): Store<T>['subscribe'] {
  let listeners = 0;
  let stop: () => void;
  return (listener) => {
    const unsubscribe = store.subscribe(listener);
    if (listeners++ === 0) stop = start();
    return () => {
      unsubscribe();
      if (--listeners === 0) stop();
    };
  };
}

/** An error in a listener is the page's and should show there. It must not look like an error of the connection. */
function tellSafely<T>(tell: (value: T) => void, value: T): void {
  try {
    tell(value);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
