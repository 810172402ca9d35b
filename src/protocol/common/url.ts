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

/** The end of the names of parameters that carry a secret, such as `access_token`, `X-Amz-Signature` and `apikey`. */
const SECRET_NAME = /(token|secret|passw(or)?d|pwd|auth|authorization|credentials?|sig|signature|key)$/i;

/**
 * Whether the address of a repository has a password or a token in it, in any form that git takes. The user of an SSH
 * address is none.
 *
 * @example hasCredentials('https://token@example.com/acme/web') // true
 * @example hasCredentials('https://example.com/acme/web?access_token=secret') // true
 * @example hasCredentials('git@example.com:acme/web.git') // false
 */
export function hasCredentials(address: string): boolean {
  const text = address.trim();
  if (hasSecretParameter(text)) return true;
  if (URL.canParse(text)) {
    const { username, password, protocol } = new URL(text);
    if (password !== '' || (username !== '' && !/^(?:git\+)?ssh:$/.test(protocol))) return true;
  }
  const isWindowsPath = /^[a-z]:[\\/]/i.test(text);
  // Also the address of a transport, such as `gcrypt::https://token@example.com`.
  const [, scheme, user = ''] = (!isWindowsPath && /^(.*?:\/\/)?([^@/]*)@/.exec(text)) || [];
  return user.includes(':') || (user !== '' && scheme !== undefined && !/ssh:\/\/$/.test(scheme));
}

/** Whether the query or the fragment of an address has a secret. */
function hasSecretParameter(address: string): boolean {
  const [, ...parts] = address.split(/[?#]/);
  const parameters = [...new URLSearchParams(parts.join('&').replaceAll(';', '&'))];
  return parameters.some(([name, value]) => value !== '' && SECRET_NAME.test(name));
}
