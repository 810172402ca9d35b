import { repositoryKey } from '../../src/domain/repository-url.ts';
import { type ClonePlace, fetchBranches, fetchIntoShallow, findCommit } from './fetch.ts';
import { GitError, git } from './git.ts';

/** The clone cannot be used, or lacks what the work needs. The message says how to fix that. */
export class RepositoryError extends Error {
  override name = 'RepositoryError';
}

/** A remote of a clone, by git's name for it and the key of its address (see `repositoryKey`), without a password. */
export interface Remote {
  name: string;
  key: string;
}

const ORIGIN = 'origin';
const FULL_HASH = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * The full hash of a commit. If the clone does not have the commit, fetches it from `origin`, and then from its other
 * remotes. Only `origin` decides: another remote may be gone for good. Without an `origin`, all decide.
 *
 * @throws RepositoryError when the commit is nowhere; GitError when `origin` cannot be read, because a later attempt may
 *   find it there
 */
export async function resolveCommit(clone: ClonePlace, commit: string): Promise<string> {
  const { directory } = clone;
  const present = await findCommit(directory, commit);
  if (present !== null) return present;
  const isShallow = await isShallowClone(directory);
  const fetch = (from: readonly Remote[]) => {
    const names = [...new Set(from.map(({ name }) => name))];
    return isShallow ? fetchIntoShallow(clone, names, commit) : fetchBranches(clone, names);
  };
  const remotes = await listRemotes(directory);
  const origin = remotes.filter(({ name }) => name === ORIGIN);
  const deciding = origin.length > 0 ? origin : remotes;
  const first = await fetch(deciding);
  const fetched = await findCommit(directory, commit);
  if (fetched !== null) return fetched;
  const second = await fetch(remotes.filter((remote) => !deciding.includes(remote)));
  const fetchedElsewhere = await findCommit(directory, commit);
  if (fetchedElsewhere !== null) return fetchedElsewhere;

  const missing = `This ${isShallow ? 'shallow clone' : 'clone'} has no commit ${commit}`;
  if (first.unread !== null)
    throw new GitError(`${missing}, and ${listed(deciding)} cannot be read: ${first.unread.message}`);
  const advice = isShallow ? ` ${adviceFor(commit)}` : '';
  const said = first.said === null ? '' : ` Git says: ${first.said}.`;
  const unread = second.unread === null ? '' : ` Some remotes could not be read: ${second.unread.message}`;
  throw new RepositoryError(
    `${missing}, and "git fetch" did not find it at ${listed(remotes)}.${advice}${said}${unread}`,
  );
}

/** The remotes of a clone. A remote with several addresses is listed with each. */
export async function listRemotes(directory: string): Promise<Remote[]> {
  const listing = await git(directory, ['remote', '--verbose']);
  // Each line is `name<TAB>URL (fetch|push)`; that of a partial clone ends with its filter.
  const lines = listing.toString('utf8').matchAll(/^(\S+)\t(.+) \((?:fetch|push)\)/gm);
  const remotes = Array.from(lines, ([, name = '', url = '']) => ({ name, key: repositoryKey(url) }));
  const isFirst = ({ name, key }: Remote, index: number) =>
    remotes.findIndex((other) => other.name === name && other.key === key) === index;
  return remotes.filter(isFirst);
}

export async function isShallowClone(directory: string): Promise<boolean> {
  const output = await git(directory, ['rev-parse', '--is-shallow-repository']);
  return output.toString('utf8').trim() === 'true';
}

/** How a shallow clone can get a commit. */
function adviceFor(commit: string): string {
  return FULL_HASH.test(commit)
    ? 'Push it there, run "git fetch --unshallow" in the clone, or use an agent with a full clone.'
    : 'A shallow clone can only fetch a commit by its full hash.';
}

function listed(remotes: readonly Remote[]): string {
  return remotes.length === 0
    ? 'any remote, as it has none'
    : remotes.map(({ name, key }) => `${name} (${key})`).join(', ');
}
