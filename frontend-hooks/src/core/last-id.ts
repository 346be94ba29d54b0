/** Where the last id is kept across reloads of a page; `sessionStorage` is one. */
export type LastIdStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Returns the browser's `sessionStorage`, none where there is none or it is locked. */
export function sessionLastIds(): LastIdStorage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

/** Returns the id that was kept, if there is one. */
export function recallLastId(storage: LastIdStorage | undefined, key: string): string | undefined {
  try {
    return storage?.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps an id, or forgets it. A storage that is full or locked loses the resume after a reload, nothing else. */
export function rememberLastId(storage: LastIdStorage | undefined, key: string, id: string | undefined): void {
  try {
    if (id === undefined) storage?.removeItem(key);
    else storage?.setItem(key, id);
  } catch {
    return;
  }
}
