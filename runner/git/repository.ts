import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MAX_REMOTE_CHARS, MAX_REMOTES } from '../../src/protocol/common/limits.ts';
import { markedBy } from '../process/lease-mark.ts';
import { MissingDependencyError } from '../process/missing-dependency.ts';
import { removeTree } from '../process/remove-tree.ts';
import { changeClone, recordsOf, removeRecord } from './bookkeeping.ts';
import { isShallowClone, listRemotes, RepositoryError, resolveCommit } from './commits.ts';
import { type DeliveryEnd, type DeliveryOrder, deliver } from './deliver.ts';
import { EXACT_LINES, Filters } from './filters.ts';
import { GitError, git } from './git.ts';
import { type Plumbing, withPlumbing } from './plumbing.ts';
import { fillSubmodules, type Unfilled } from './submodules.ts';
import { Worktree } from './worktree.ts';

const MAX_LISTING_BYTES = 64 * 1_048_576;
const ORIGIN = 'origin';
/** Long, because git may have to fetch each file, or run a filter for it. */
const CHECKOUT_LIMIT_MS = 600_000;

/**
 * The clone that an agent works in. The agent creates its own worktrees and never changes the clone's checkout, index
 * or branches.
 */
export class Repository {
  /** Top directory of the clone. */
  readonly directory: string;
  /** Hash of the first commit, which is the same in every full clone; null in a shallow one, which does not have it. */
  readonly rootCommit: string | null;
  /** Keys of the remotes' URLs (see `repositoryKey`); they hold no passwords. */
  readonly remotes: readonly string[];
  readonly #gitDirectory: string;

  private constructor(directory: string, rootCommit: string | null, remotes: readonly string[], gitDirectory: string) {
    this.directory = directory;
    this.rootCommit = rootCommit;
    this.remotes = remotes;
    this.#gitDirectory = gitDirectory;
  }

  /**
   * @throws RepositoryError when the directory is missing, is not a git repository or has no commits, or nothing
   *   identifies the repository
   */
  static async open(path: string): Promise<Repository> {
    const found = await stat(path).catch(() => null);
    if (!found?.isDirectory()) throw new RepositoryError(`There is no directory ${path}.`);
    const directory = await gitText(path, ['rev-parse', '--show-toplevel']).catch((error: Error) => {
      if (error instanceof MissingDependencyError) throw error;
      throw new RepositoryError(whyNoWorkTree(path, error.message));
    });
    const roots = await gitText(directory, ['rev-list', '--max-parents=0', 'HEAD']).catch(() => {
      throw new RepositoryError(
        `${path} has no commits: create one with "git commit", so that work has a commit to start from.`,
      );
    });
    const gitDirectory = resolve(directory, await gitText(directory, ['rev-parse', '--git-common-dir']));
    const remotes = await remoteKeys(directory);
    if (!(await isShallowClone(directory)))
      return new Repository(directory, roots.split('\n').sort()[0] as string, remotes, gitDirectory);
    if (remotes.length > 0) return new Repository(directory, null, remotes, gitDirectory);
    throw new RepositoryError(
      `${path} is a shallow clone without a remote, so nothing says which repository it is: run "git remote add origin <url>" there.`,
    );
  }

  /** The number of changed and new files in the checkout, which sessions do not see. */
  async uncommitted(): Promise<number> {
    const status = ['status', '--porcelain', '-z', '--no-renames'];
    const listing = await new Filters().run(this.directory, {}, (settings) =>
      git(this.directory, status, { settings, maxBytes: MAX_LISTING_BYTES }),
    );
    return listing.toString('utf8').split('\0').length - 1;
  }

  /** The full hash of a commit, `HEAD` by default, fetched if the clone does not have it. @throws as `resolveCommit` */
  resolve(commit = 'HEAD'): Promise<string> {
    return resolveCommit({ directory: this.directory, gitDirectory: this.#gitDirectory }, commit);
  }

  /**
   * The commit that a branch has at `origin` now, fetched if the clone does not have it.
   * @throws RepositoryError when the clone has no `origin`, or it has no such branch; GitError when it cannot be reached
   */
  async resolveBranch(name: string): Promise<string> {
    await gitText(this.directory, ['remote', 'get-url', ORIGIN]).catch(() => {
      const advice = 'Add it with "git remote add origin <url>" in the clone of the agent.';
      throw new RepositoryError(
        `The branch ${name} is to be read from the remote origin, and there is none. ${advice}`,
      );
    });
    const ref = `refs/heads/${name}`;
    const listed = await git(this.directory, ['ls-remote', ORIGIN, ref]).catch((error: Error) => {
      throw new GitError(`The branch ${name} cannot be read from origin: ${error.message}`);
    });
    const [commit] = listed.toString('utf8').split('\t');
    if (!commit) throw new RepositoryError(`The remote origin has no branch ${name}.`);
    return this.resolve(commit);
  }

  /** The hash of the tree of a commit. */
  treeOf(commit: string): Promise<string> {
    return treeOf(this.directory, commit);
  }

  /** A commit as people name it: its short hash and its subject. */
  describe(commit: string): Promise<string> {
    return gitText(this.directory, ['log', '-1', '--format=%h %s', commit]);
  }

  /** The content of a file as a commit has it; null if the commit has no such file. */
  async readFile(commit: string, path: string): Promise<string | null> {
    const entry = await git(this.directory, ['ls-tree', '-z', commit, '--', path]);
    if (!/^100[0-7]{3} blob /.test(entry.toString('utf8'))) return null;
    return (await git(this.directory, ['show', `${commit}:${path}`])).toString('utf8');
  }

  /**
   * A new worktree at `path` on `head`, with a detached HEAD, so that no branch of the clone moves. As long as it exists,
   * git keeps that commit and those before it. Its submodules are filled from those of the clone.
   * @param base the commit against which its changes are reported
   */
  async addWorktree(path: string, base: string, head = base): Promise<Worktree> {
    await this.removeWorktree(path);
    await mkdir(dirname(path), { recursive: true });
    // The files are written afterwards, because only the record needs the queue of the clone.
    const add = ['worktree', 'add', '--quiet', '--detach', '--force', '--no-checkout', path, head];
    await changeClone(this.#gitDirectory, () => git(this.directory, add));
    const filters = new Filters();
    // A filter that hangs can outlive a killed agent. The next one finds it by the mark.
    const marks = markedBy(path);
    const options = { environment: marks, maxMs: CHECKOUT_LIMIT_MS, ...filters.heard };
    await filters.run(path, marks, (settings) =>
      git(path, ['reset', '--hard', '--quiet', head], { ...options, settings: [EXACT_LINES, ...settings] }),
    );
    const modules = { gitDirectory: this.#gitDirectory, checkout: this.directory };
    return this.#worktree(path, { base, head, filters }, await fillSubmodules(path, modules, { filters, marks }));
  }

  /** The existing worktree at `path`, with the work in it. */
  openWorktree(path: string, base: string): Promise<Worktree> {
    return this.#worktree(path, { base, head: base, filters: new Filters() });
  }

  async #worktree(
    path: string,
    source: { base: string; head: string; filters: Filters },
    unfilled: readonly Unfilled[] = [],
  ): Promise<Worktree> {
    const [record] = await recordsOf(this.#gitDirectory, path);
    const index = record === undefined ? null : join(record, 'index');
    return new Worktree({ path, ...source, gitDirectory: this.#gitDirectory, index }, unfilled);
  }

  /** Git's plumbing on the clone's objects; see `withPlumbing`. */
  plumbing<T>(base: string, scratchPrefix: string, use: (plumbing: Plumbing) => Promise<T>): Promise<T> {
    const clone = { directory: this.directory, gitDirectory: this.#gitDirectory };
    return withPlumbing(clone, base, scratchPrefix, use);
  }

  /** Makes a commit of work on a new branch; see {@link deliver}. */
  deliver(order: DeliveryOrder): Promise<DeliveryEnd> {
    return deliver({ directory: this.directory, gitDirectory: this.#gitDirectory }, order);
  }

  /** Removes the worktree at `path`, if it exists, and git's record of it. Other worktrees are not touched. */
  async removeWorktree(path: string): Promise<void> {
    await changeClone(this.#gitDirectory, () => removeRecord(this.#gitDirectory, path));
    await removeTree(path);
  }
}

async function treeOf(directory: string, commit: string): Promise<string> {
  const environment = { GIT_NO_REPLACE_OBJECTS: '1' };
  return (await git(directory, ['rev-parse', `${commit}^{tree}`], { environment })).toString('latin1').trim();
}

async function remoteKeys(directory: string): Promise<string[]> {
  const keys = new Set((await listRemotes(directory)).map(({ key }) => key));
  return [...keys].filter((key) => key.length <= MAX_REMOTE_CHARS).slice(0, MAX_REMOTES);
}

async function gitText(directory: string, args: string[]): Promise<string> {
  const output = (await git(directory, args)).toString('utf8').trim();
  if (output === '') throw new GitError(`git ${args[0]}: no output`);
  return output;
}

/** @param message git's own */
function whyNoWorkTree(path: string, message: string): string {
  if (message.includes('not a git repository'))
    return `${path} is not a git repository: run "git init" there and commit once.`;
  if (message.includes('must be run in a work tree'))
    return `${path} is a bare repository, which has no files: clone it, and name the clone.`;
  return message;
}
