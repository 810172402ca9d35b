import { listOf, splitNul } from './byte-path.ts';
import { GitError, type GitOptions, GitTimeoutError, git, type Setting } from './git.ts';

type Environment = Record<string, string>;

/**
 * For commands that read or write the files of a work tree: they have the bytes of the repository, whatever line ends the
 * person's configuration gives to checkouts. The repository's own `.gitattributes` still count.
 */
export const EXACT_LINES: Setting = ['core.autocrlf', 'false'];

const FILTER_FAILED = /^error: (external filter|initialization for subprocess) .*failed.*$/m;
const MAX_LISTING_BYTES = 64 * 1_048_576;

/**
 * The filters that a person's git configuration gives to a clone, such as Git LFS. Git runs them when it reads and writes
 * files of the work tree. Their programs need not be installed.
 */
export class Filters {
  #failure: string | null = null;
  /** The settings for commands after a failure. */
  #afterFailure = optional;
  #warning: string | null = null;

  /** Git's words when a filter first failed; null while none has. */
  get failure(): string | null {
    return this.#failure ?? this.#warning;
  }

  /** For a command that checks files out. If a filter is not required, git warns of its failure and goes on. */
  get heard(): Pick<GitOptions, 'onWarnings'> {
    return {
      onWarnings: (text) => {
        this.#warning ??= FILTER_FAILED.exec(text)?.[0] ?? null;
      },
    };
  }

  /**
   * Runs a command that may run filters. If one fails, the command is repeated, and files whose filter fails have the
   * content that git stores. If one hangs, no filter runs any more.
   */
  async run<T>(directory: string, environment: Environment, command: (settings: Setting[]) => Promise<T>): Promise<T> {
    if (this.#failure !== null) return command(this.#afterFailure(await filterNames(directory, environment)));
    try {
      return await command([]);
    } catch (error) {
      const names = error instanceof GitError ? await filterNames(directory, environment) : [];
      if (names.length === 0) throw error;
      if (error instanceof GitTimeoutError) this.#afterFailure = off;
      const result = await command(this.#afterFailure(names));
      this.#failure = (error as GitError).message;
      return result;
    }
  }
}

/** A filter may then fail. Git gives up when a long-running one fails, so each file has a process of its own. */
function optional(names: readonly string[]): Setting[] {
  return names.flatMap((name): Setting[] => [
    [`filter.${name}.required`, 'false'],
    [`filter.${name}.process`, ''],
  ]);
}

/** The settings with which no filter runs. */
export async function withoutFilters(directory: string, environment: Environment): Promise<Setting[]> {
  return off(await filterNames(directory, environment));
}

function off(names: readonly string[]): Setting[] {
  return [
    ...optional(names),
    ...names.flatMap((name): Setting[] => [
      [`filter.${name}.clean`, ''],
      [`filter.${name}.smudge`, ''],
    ]),
  ];
}

async function filterNames(directory: string, environment: Environment): Promise<string[]> {
  const query = ['config', '-z', '--name-only', '--get-regexp', '^filter\\.'];
  // Without a match, git fails.
  const listed = await git(directory, query, { environment }).catch(() => Buffer.alloc(0));
  const keys = listed.toString('utf8').split('\0');
  return [...new Set(keys.flatMap((key) => /^filter\.(.+)\.[^.]+$/.exec(key)?.[1] ?? []))];
}

/**
 * Stages files with a filter again, with the bytes that they have in the work tree. What a filter makes of them can be
 * worth nothing on another machine: that of Git LFS is a pointer to content that only this machine has.
 *
 * @param base the commit whose files stay as they are; null if all files are new
 */
export async function stageUnfiltered(directory: string, environment: Environment, base: string | null): Promise<void> {
  const names = await filterNames(directory, environment);
  if (names.length === 0) return;
  const run = (args: string[], input?: Buffer, settings: Setting[] = []) =>
    git(directory, args, { environment, settings, maxBytes: MAX_LISTING_BYTES, ...(input && { input }) });
  const changed = ['diff', '--cached', '--name-only', '--no-renames', '--diff-filter=d', '-z'];
  const paths = splitNul(await run(base === null ? ['ls-files', '-z'] : [...changed, base]));
  // Each answer is the path, the attribute and its value.
  const answers = splitNul(await run(['check-attr', '-z', '--stdin', 'filter'], listOf(paths)));
  const known = new Set(names);
  const filtered = paths.filter((_, i) => known.has(answers[3 * i + 2] ?? ''));
  if (filtered.length === 0) return;
  const pathspecs = listOf(filtered.map((path) => `:(top,literal)${path}`));
  await run(['add', '--renormalize', '--pathspec-from-file=-', '--pathspec-file-nul'], pathspecs, [
    EXACT_LINES,
    ...off(names),
  ]);
}
