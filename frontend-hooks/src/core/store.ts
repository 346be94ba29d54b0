/** A value that can be read at any time and says when it changes: what `useSyncExternalStore` takes. */
export interface Store<T> {
  getSnapshot: () => T;
  subscribe: (listener: () => void) => () => void;
}

/** A store whose owner sets the value. */
export interface SettableStore<T> extends Store<T> {
  set: (next: T) => void;
}

/** Something that listeners are told, each of them once. */
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
      // An entry of its own, so that one function can listen twice.
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

/** A listener that throws is the page's fault, to be seen there; it must not look like a fault of the connection. */
function tellSafely<T>(tell: (value: T) => void, value: T): void {
  try {
    tell(value);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
