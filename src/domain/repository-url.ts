const SCP_LIKE = /^(?:[^@/]+@)?([^:/]+):(?!\/\/)(.+)$/;

/**
 * What two addresses of one repository have in common, `host/path`, however it is fetched: without scheme, user,
 * password, usual port and `.git`. A path on a disk stays a path.
 *
 * `git@github.com:acme/web.git` and `https://token@GitHub.com/acme/web/` are both `github.com/acme/web`.
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
    // `host:path` and a drive's letter parse as URLs, too.
    if (host !== '' || protocol === 'file:') return { host: isUsual ? hostname : host, path: pathname };
  }
  // What is no plain URL may hold one with a password.
  const url = address.replace(/\/\/[^@/]*@/, '//');
  const [, host, path] = /^[a-zA-Z]:[\\/]/.test(url) ? [] : (SCP_LIKE.exec(url) ?? []);
  return host === undefined || path === undefined ? { host: '', path: url } : { host, path };
}
