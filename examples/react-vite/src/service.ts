/** Where the service is. */
export const url: string = import.meta.env.FLOWFI_URL ?? 'http://127.0.0.1:8080';

/** Asks the service by REST. */
export async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url + path, { signal });
  if (!response.ok) throw new Error(`The service answered ${response.status}.`);
  return (await response.json()) as T;
}
