/** Returns the URL of a path of the service. */
export function endpoint(url: string, path: string): string {
  return url.replace(/\/$/, '') + path;
}
