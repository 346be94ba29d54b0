/** Whether a response has a media type, ignoring case and parameters (RFC 9110, 8.3.1). */
export function hasMediaType(response: Response, type: string): boolean {
  const [told = ''] = (response.headers.get('content-type') ?? '').split(';');
  return told.trim().toLowerCase() === type;
}
