/** The URL without the slashes at its end, so that a path can follow. */
export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

/**
 * The URL of a WebSocket of the same server.
 *
 * @param baseUrl an http or https URL
 * @param path begins with a slash
 */
export function webSocketUrl(baseUrl: string, path: string): string {
  return withoutTrailingSlash(baseUrl).replace(/^http/, 'ws') + path;
}
