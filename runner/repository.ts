import { copyFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MAX_PATCH_BYTES } from '../src/protocol/limits.ts';
import type { DiffFile } from '../src/protocol/session.ts';
import { GitError, git, OutputTooLargeError } from './git.ts';

/** The directory cannot serve as a repository; the message says how to mend that. */
export class RepositoryError extends Error {
  override name = 'RepositoryError';
}

/** A worktree's changes against its base; `patch` is null when they are larger than what travels. */
export interface Changes {
  patch: Uint8Array | null;
  /** The changed files, the first thousand of them. */
  files: DiffFile[];
}

const MAX_FILES = 1_000;

/** The clone that an agent works in. Its work trees, index and branches are never touched: work has its own worktrees. */
export class Repository {
  /** Top directory of the clone. */
  readonly directory: string;
  /** Hash of the first commit: the same in every clone, whatever it is called. */
  readonly rootCommit: string;

  private constructor(directory: string, rootCommit: string) {
    this.directory = directory;
    this.rootCommit = rootCommit;
  }

  /** @throws RepositoryError when there is no such directory, no repository in it, or no commit in that */
  static async open(path: string): Promise<Repository> {
    const found = await stat(path).catch(() => null);
    if (!found?.isDirectory()) throw new RepositoryError(`There is no directory ${path}.`);
    const directory = await text(path, ['rev-parse', '--show-toplevel']).catch((error: Error) => {
      throw new RepositoryError(
        error.message.includes('not a git repository')
          ? `${path} is no git repository: run "git init" there and commit once, or name another directory.`
          : error.message,
      );
    });
    const roots = await text(directory, ['rev-list', '--max-parents=0', 'HEAD']).catch(() => {
      throw new RepositoryError(`${path} has no commits: commit once, so that work has something to start from.`);
    });
    return new Repository(directory, roots.split('\n').sort()[0] as string);
  }

  /**
   * The full hash of a commit, `HEAD` by default.
   * @throws RepositoryError when this clone does not have it
   */
  async resolve(commit = 'HEAD'): Promise<string> {
    return text(this.directory, ['rev-parse', '--verify', '--quiet', `${commit}^{commit}`]).catch(() => {
      throw new RepositoryError(`This clone has no commit ${commit}: fetch it first.`);
    });
  }

  /** A new worktree at `path` on `base`, detached: no branch of the clone moves. */
  async addWorktree(path: string, base: string): Promise<Worktree> {
    await this.removeWorktree(path);
    await mkdir(dirname(path), { recursive: true });
    await git(this.directory, ['worktree', 'add', '--quiet', '--detach', '--force', path, base]);
    return new Worktree(path, base);
  }

  /** Removes the worktree at `path` and git's record of it; nothing there is fine. */
  async removeWorktree(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
    await git(this.directory, ['worktree', 'prune']);
  }
}

const DIFF_FORMAT = [
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--find-renames',
];

/** One session's directory of work. */
export class Worktree {
  readonly path: string;
  readonly base: string;

  constructor(path: string, base: string) {
    this.path = path;
    this.base = base;
  }

  /**
   * All that differs from the base, new files that are not ignored included, commits made meanwhile too. Made through
   * an index and an object store of its own, so that neither the clone nor the agent's staging area notices.
   */
  async changes(maxBytes: number = MAX_PATCH_BYTES): Promise<Changes> {
    const scratch = await mkdtemp(join(tmpdir(), 'oio-patch-'));
    try {
      const [index, objects] = (await text(this.path, ['rev-parse', '--git-path', 'index', '--git-path', 'objects']))
        .split('\n')
        .map((path) => (path.startsWith('/') ? path : join(this.path, path)));
      await copyFile(index as string, join(scratch, 'index'));
      await mkdir(join(scratch, 'objects'));
      const environment = {
        GIT_INDEX_FILE: join(scratch, 'index'),
        GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
        GIT_ALTERNATE_OBJECT_DIRECTORIES: objects as string,
      };
      await git(this.path, ['add', '--all', '--', ':/'], { environment });
      const diff = (maxSize: number | undefined, ...format: string[]) => {
        const args = ['diff', '--cached', ...DIFF_FORMAT, ...format, this.base];
        return git(this.path, args, { environment, ...(maxSize === undefined ? {} : { maxBytes: maxSize }) });
      };
      const files = parseFiles(await diff(undefined, '--name-status', '-z'), await diff(undefined, '--numstat', '-z'));
      const patch = await diff(maxBytes, '--binary', '--full-index').catch((error) => {
        if (error instanceof OutputTooLargeError) return null;
        throw error;
      });
      return { patch: patch === null ? null : new Uint8Array(patch), files: files.slice(0, MAX_FILES) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** @throws GitError when the patch does not fit; nothing is changed then */
  async apply(patch: Uint8Array): Promise<void> {
    if (patch.byteLength === 0) return;
    await git(this.path, ['apply', '--binary', '--whitespace=nowarn'], { input: patch });
  }
}

const STATUS: Readonly<Record<string, DiffFile['status']>> = { A: 'added', C: 'added', D: 'deleted', R: 'renamed' };

/** Joins `--name-status -z` and `--numstat -z`, which list the same files in the same order. */
function parseFiles(statuses: Buffer, counts: Buffer): DiffFile[] {
  const words = statuses.toString('utf8').split('\0');
  const numbers = counts.toString('utf8').split('\0');
  const files: DiffFile[] = [];
  while (words[0]) {
    const letter = (words.shift() as string).charAt(0);
    const isPair = letter === 'R' || letter === 'C';
    const [added = '', deleted = ''] = (numbers.shift() ?? '').split('\t');
    if (isPair) {
      words.shift();
      numbers.splice(0, 2);
    }
    const path = words.shift() as string;
    // A binary file's counts are dashes.
    const [additions, deletions] = [Number(added) || 0, Number(deleted) || 0];
    files.push({ path, status: STATUS[letter] ?? 'modified', additions, deletions });
  }
  return files;
}

async function text(directory: string, args: string[]): Promise<string> {
  const output = (await git(directory, args)).toString('utf8').trim();
  if (output === '') throw new GitError(`git ${args[0]}: no output`);
  return output;
}
