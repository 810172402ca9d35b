/** What a session knows of its repository. */
export interface BoundRepository {
  /** Hash of the first commit of the repository to which the session is bound; null before a lease has bound it. */
  repository: string | null;
  /** The key of the address that the session names (see `repositoryKey`); null if it names none. */
  repository_key: string | null;
}

/**
 * Whether the session can be done in a clone with this first commit. A shallow clone does not know its first commit, which
 * is null. It can do a session that names an address, because the clone must have that address as a remote in any case.
 */
export function isSameRepository(firstCommit: string | null, { repository, repository_key }: BoundRepository): boolean {
  if (repository === null || repository === firstCommit) return true;
  return firstCommit === null && repository_key !== null;
}
