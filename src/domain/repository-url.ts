const SCP_LIKE = /^(?:[^@/]+@)?([^:/]+):(?!\/\/)(.+)$/;

/**
 * A key that is equal for all URLs of one repository: `host/path`, without scheme, user, password, default port and
 * `.git`. A local path stays a path.
 *
 * @example repositoryKey('git@github.com:acme/web.git') // 'github.com/acme/web'
 * @example repositoryKey('https://token@GitHub.com/acme/web/') // 'github.com/acme/web'
 */
export function repositoryKey(url: string): string {
  const { host, path } = split(url.trim());
  const trimmed = path.replace(/\/+$/, '').replace(/\.git$/, '');
  return host === '' ? trimmed : `${host.toLowerCase()}/${trimmed.replace(/^\/+/, '')}`;
}

function split(address: string): { host: string; path: string } {
  if (URL.canParse(address)) {
    const { hostname, port, pathname, host, protocol } = new URL(address);
    const isUsual = port === '' || (protocol === 'ssh:' && port === '22');
    // `host:path` and a drive letter also parse as URLs.
    if (host !== '' || protocol === 'file:') return { host: isUsual ? hostname : host, path: pathname };
  }
  // A text that is not a plain URL may contain one with a password.
  const url = address.replace(/\/\/[^@/]*@/, '//');
  const [, host, path] = /^[a-zA-Z]:[\\/]/.test(url) ? [] : (SCP_LIKE.exec(url) ?? []);
  return host === undefined || path === undefined ? { host: '', path: url } : { host, path };
}
