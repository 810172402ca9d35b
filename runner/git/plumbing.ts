import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BytePath, listOf, splitNul } from './byte-path.ts';
import type { ClonePlace } from './fetch.ts';
import { type GitOptions, git } from './git.ts';

/**
 * Git's plumbing on the objects of a clone, without its configuration: no filter, hook, merge driver, signature, alias,
 * replaced object or graft of the person's has an effect, and no ref, index or file of the clone changes.
 */
export interface Plumbing {
  /** Of the repository that has only settings of its own. Names in `refs` are deleted with it. */
  readonly gitDirectory: string;
  /** Where its commands run, and their environment. */
  readonly directory: string;
  readonly environment: Record<string, string> & { GIT_INDEX_FILE: string };
  run(args: string[], options?: Pick<GitOptions, 'input' | 'maxBytes' | 'maxMs' | 'codes'>): Promise<Buffer>;
}

const ATTRIBUTES = /(?:^|\/)\.gitattributes$/;
const MAX_LISTING_BYTES = 64 * 1_048_576;
const SHA256_DIGITS = 64;
/** How a partial clone gets the objects that it lacks. */
const PROMISOR =
  '^(remote\\..*\\.(url|promisor|partialclonefilter)|url\\..*|core\\.sshcommand|credential\\..*|http\\..*)$';

/**
 * Calls `use` with plumbing whose scratch files are deleted afterwards. New objects go to the clone. As nothing refers to
 * them, git's own clean-up removes them later, unless `use` gives them a ref or a worktree.
 *
 * @param base a full hash. The `.gitattributes` of this commit say how files are merged: as text, binary or a union.
 * @param scratchPrefix of the directory for scratch files
 */
export async function withPlumbing<T>(
  clone: ClonePlace,
  base: string,
  scratchPrefix: string,
  use: (plumbing: Plumbing) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(scratchPrefix);
  try {
    const [gitDirectory, files] = [join(scratch, 'git'), join(scratch, 'files')];
    await createRepository(clone, gitDirectory, base.length === SHA256_DIGITS);
    await mkdir(files);
    const environment = {
      GIT_DIR: gitDirectory,
      GIT_WORK_TREE: files,
      GIT_INDEX_FILE: join(scratch, 'index'),
      GIT_OBJECT_DIRECTORY: join(clone.gitDirectory, 'objects'),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
    };
    const plumbing: Plumbing = {
      gitDirectory,
      directory: files,
      environment,
      run: (args, options) => git(files, args, { ...options, environment }),
    };
    await writeAttributes(plumbing, base);
    return await use(plumbing);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A repository with no branch, no objects and only the settings here (gitrepository-layout(5)). */
async function createRepository(clone: ClonePlace, gitDirectory: string, isSha256: boolean): Promise<void> {
  await mkdir(join(gitDirectory, 'refs', 'tags'), { recursive: true });
  await mkdir(join(gitDirectory, 'objects'));
  const format = isSha256 ? '\n[extensions]\nobjectFormat = sha256' : '';
  const settings = `[core]
repositoryFormatVersion = ${isSha256 ? 1 : 0}
attributesFile = /dev/null
autocrlf = false
[merge]
conflictStyle = zdiff3${format}
`;
  await writeFile(join(gitDirectory, 'config'), `${settings}${await promisorSettings(clone)}`);
  await writeFile(join(gitDirectory, 'HEAD'), 'ref: refs/heads/none\n');
  // Where a shallow clone's history is cut.
  await copyFile(join(clone.gitDirectory, 'shallow'), join(gitDirectory, 'shallow')).catch(() => undefined);
}

/** The settings with which a partial clone fetches objects; an empty text for other clones. */
async function promisorSettings({ directory, gitDirectory }: ClonePlace): Promise<string> {
  const packs = await readdir(join(gitDirectory, 'objects', 'pack')).catch(() => []);
  if (!packs.some((name) => name.endsWith('.promisor'))) return '';
  const listed = splitNul(
    await git(directory, ['config', '-z', '--get-regexp', PROMISOR]).catch(() => Buffer.alloc(0)),
  );
  return listed.map(settingText).join('');
}

/** A line of `git config -z` in the syntax of a configuration file: `section.name.key`, a line feed and the value. */
function settingText(line: string): string {
  const end = line.indexOf('\n');
  const [name, value] = end < 0 ? [line, 'true'] : [line.slice(0, end), line.slice(end + 1)];
  const [first, last] = [name.indexOf('.'), name.lastIndexOf('.')];
  const middle = first === last ? '' : ` ${quoted(name.slice(first + 1, last))}`;
  return `[${name.slice(0, first)}${middle}]\n${name.slice(last + 1)} = ${quoted(value)}\n`;
}

function quoted(text: string): string {
  return `"${Buffer.from(text, 'latin1').toString('utf8').replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/** `git merge-tree` reads attributes from the files of a work tree only. */
async function writeAttributes({ run }: Plumbing, base: string): Promise<void> {
  const listed = splitNul(await run(['ls-tree', '-r', '-z', '--name-only', base], { maxBytes: MAX_LISTING_BYTES }));
  const paths: BytePath[] = listed.filter((path) => ATTRIBUTES.test(path));
  if (paths.length === 0) return;
  await run(['read-tree', base]);
  await run(['checkout-index', '--force', '--quiet', '-z', '--stdin'], { input: listOf(paths) });
}
