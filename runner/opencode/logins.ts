import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/** Logins by provider, as OpenCode stores them in `auth.json`. */
type Logins = Record<string, { type?: string; expires?: number }>;

/**
 * Copies the user's logins to the server's home. A login that the server has refreshed since stays, because the
 * refresh made the user's copy invalid. A login that the user has removed is removed.
 *
 * @param dataHome the server's `XDG_DATA_HOME`
 */
export function updateLogins(environment: Readonly<Record<string, string | undefined>>, dataHome: string): void {
  const userHome = environment.HOME ?? environment.USERPROFILE ?? '';
  const source = join(environment.XDG_DATA_HOME ?? join(userHome, '.local', 'share'), 'opencode', 'auth.json');
  const target = join(dataHome, 'opencode', 'auth.json');
  const seenFile = join(dataHome, 'opencode', 'auth-seen.json');
  const theirs = readLogins(source);
  // The user's OpenCode may be writing the file.
  if (theirs === null) return;
  const ours = readLogins(target) ?? {};
  const seen = readLogins(seenFile) ?? {};
  const logins = mergeLogins(theirs, ours, seen);
  if (!isDeepStrictEqual(logins, ours)) writePrivate(target, logins);
  writePrivate(seenFile, Object.fromEntries(Object.entries(theirs).map(([id, login]) => [id, digest(login)])));
}

/** @param seen digests of the user's logins at the previous call, which show later changes */
export function mergeLogins(theirs: Logins, ours: Logins, seen: Record<string, unknown>): Logins {
  return Object.fromEntries(
    Object.entries(theirs).map(([id, login]) => {
      const copy = ours[id];
      const isKept = copy !== undefined && (seen[id] === digest(login) || expiresLater(copy, login));
      return [id, isKept ? copy : login];
    }),
  );
}

/** Both refresh their tokens, and the newer token expires later. Some logins have no expiry, or 0. */
function expiresLater(ours: Logins[string], theirs: Logins[string]): boolean {
  return Boolean(ours.type === theirs.type && theirs.expires && ours.expires && ours.expires >= theirs.expires);
}

/** @returns null if the file holds anything else; no logins if it does not exist */
function readLogins(path: string): Logins | null {
  try {
    const logins: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof logins === 'object' && !Array.isArray(logins) ? (logins as Logins | null) : null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? {} : null;
  }
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

function writePrivate(path: string, content: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
