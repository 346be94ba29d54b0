/** Where the last id is kept across reloads of a page, for example `sessionStorage`. */
export type LastIdStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Returns the browser's `sessionStorage`; undefined if it is missing or blocked. */
export function sessionLastIds(): LastIdStorage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

/** Returns the stored id, if any. */
export function recallLastId(storage: LastIdStorage | undefined, key: string): string | undefined {
  try {
    return storage?.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores an id, or forgets it. If the storage is full or blocked, only resuming after a reload is lost. */
export function rememberLastId(storage: LastIdStorage | undefined, key: string, id: string | undefined): void {
  try {
    if (id === undefined) storage?.removeItem(key);
    else storage?.setItem(key, id);
  } catch {
    return;
  }
}
