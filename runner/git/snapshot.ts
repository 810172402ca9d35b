import { lstatSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, stat, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { markedBy } from '../process/lease-mark.ts';
import { type BytePath, listOf, pathText, placeOf, splitNul, utf8Path } from './byte-path.ts';
import { EXACT_LINES, type Filters, stageUnfiltered } from './filters.ts';
import { git } from './git.ts';
import { includedPaths } from './included-files.ts';
import { type LeftOut, leaveOut } from './leave-out.ts';
import { changedSubmodules, gitlinks } from './submodules.ts';

/** The work tree that a snapshot is taken of. */
export interface SnapshotSource {
  /** Top directory of the work tree. Its `.git` is not used, because the agent may have removed or replaced it. */
  path: string;
  base: string;
  /** The commit that it had checked out at first, if that is not the base. */
  head?: string;
  /** The clone's own git directory. */
  gitDirectory: string;
  /** The work tree's index, so that git need not read unchanged files again; null when it has none. */
  index: string | null;
  filters: Filters;
  /** Files that are not to be read, because they are known to be too large. */
  oversized?: ReadonlySet<BytePath>;
}

/** The files of a work tree, in a temporary index and object store. Nothing in the clone changes. */
export interface Snapshot {
  /** The environment for git commands on the snapshot's index. */
  environment: Environment;
  /** Repositories inside the work tree. The snapshot holds their files but not their history. */
  nested: string[];
  /** Submodules with work that no patch of this repository can hold. */
  changedSubmodules: string[];
  /** New files and directories that are too large for a snapshot. */
  leftOut: LeftOut[];
  /** The files of `oversized` that the snapshot would hold otherwise. Others are ignored by now, or gone. */
  withheld: ReadonlySet<BytePath>;
}

const MAX_LISTING_BYTES = 64 * 1_048_576;
/** Git reads and compresses each new file for each snapshot, so their size is checked before. */
const NEW_FILES = { fileBytes: 32 * 1_048_576, totalBytes: 128 * 1_048_576, files: 20_000 };

/**
 * Takes a snapshot and deletes it when `use` has finished. It leaves out ignored files unless they are tracked, and
 * files that were copied from the clone. Its files are beside the work tree, where the next start removes leftovers of
 * killed processes.
 */
export async function withSnapshot<T>(source: SnapshotSource, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  return withScratchIndex(source, async (environment) => {
    const submodules = await initIndex(source, environment);
    const included = await includedPaths(source.index);
    const skipped = new Set([...included, ...(source.oversized ?? [])]);
    const { nested, leftOut, withheld } = await stageAll(source, source.path, environment, skipped);
    await removeFromIndex(source.path, environment, included);
    // The agent may have staged or committed them.
    await resetToBase(
      source,
      environment,
      [...withheld].filter((path) => source.oversized?.has(path)),
    );
    const changed =
      submodules.size === 0 ? [] : await changedSubmodules(source.path, submodules, await links(source, environment));
    return use({ environment, nested, changedSubmodules: changed, leftOut, withheld });
  });
}

/** Gives files in the index of a snapshot the content that the base has, or none. Changes no file of the work tree. */
export async function resetToBase(
  { path: directory, base }: Pick<SnapshotSource, 'path' | 'base'>,
  environment: Record<string, string>,
  paths: BytePath[],
): Promise<void> {
  if (paths.length === 0) return;
  const listed = await git(directory, ['ls-tree', '-r', '-z', base], { environment, maxBytes: MAX_LISTING_BYTES });
  const wanted = new Set(paths);
  const entries = splitNul(listed).filter((entry) => wanted.delete(entry.slice(entry.indexOf('\t') + 1) as BytePath));
  await removeFromIndex(directory, environment, [...wanted]);
  // An entry is `<mode> blob <id>`, then a tab and the path. Git takes it as it lists it.
  await git(directory, ['update-index', '-z', '--index-info'], { environment, input: listOf(entries) });
}

/** Calls `use` with the environment for git commands on an index and an object store that are deleted afterwards. */
export async function withScratchIndex<T>(
  source: SnapshotSource,
  use: (environment: Environment) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(`${source.path}.snapshot-`);
  try {
    await mkdir(join(scratch, 'objects'));
    return await use({
      ...markedBy(source.path),
      GIT_DIR: source.gitDirectory,
      GIT_WORK_TREE: source.path,
      GIT_INDEX_FILE: join(scratch, 'index'),
      GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: join(source.gitDirectory, 'objects'),
      // A clone can have other objects in the place of those that a patch is made from.
      GIT_NO_REPLACE_OBJECTS: '1',
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

type Environment = Record<string, string> & { GIT_WORK_TREE: string; GIT_INDEX_FILE: string };

/**
 * Fills the index from the work tree's own index, or from the base if that cannot be read. Removes links to
 * repositories that the base does not have, since they would stand in for the repositories' content.
 *
 * @returns the commits of the base's submodules by path
 */
async function initIndex(source: SnapshotSource, environment: Environment): Promise<ReadonlyMap<BytePath, string>> {
  const inIndex = await copyIndex(source.index ?? '', environment.GIT_INDEX_FILE)
    .then(() => links(source, environment))
    .catch(async () => {
      await rm(environment.GIT_INDEX_FILE, { force: true });
      await git(source.path, ['read-tree', source.base], { environment });
      return links(source, environment);
    });
  if (inIndex.size === 0) return inIndex;
  const ofBase = await links(source, environment, ['ls-tree', '-r', '-z', source.base]);
  const foreign = [...inIndex.keys()].filter((path) => !ofBase.has(path));
  await removeFromIndex(source.path, environment, foreign);
  return ofBase;
}

/**
 * Copies an index with its time. Git reads a file again if it is not older than the index, because a change in the same
 * second may not show otherwise.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  const seconds = Math.floor((await stat(from)).mtimeMs / 1_000);
  await copyFile(from, to);
  await utimes(to, seconds, seconds);
}

/** The links to other repositories that the index has, or what `list` lists. */
async function links(source: SnapshotSource, environment: Environment, list = ['ls-files', '--stage', '-z']) {
  return gitlinks(await git(source.path, list, { environment, maxBytes: MAX_LISTING_BYTES }));
}

async function removeFromIndex(
  directory: string,
  environment: Record<string, string>,
  paths: BytePath[],
): Promise<void> {
  if (paths.length === 0) return;
  const remove = ['update-index', '--force-remove', '-z', '--stdin'];
  await git(directory, remove, { environment, input: listOf(paths) });
}

/**
 * Stages every file, including those of nested repositories, which git itself would skip or refuse, and without new
 * ones that are too large.
 *
 * @param skipped files that are not staged
 */
async function stageAll(
  source: SnapshotSource,
  directory: string,
  outer: Environment,
  skipped: ReadonlySet<BytePath> = new Set(),
): Promise<Pick<Snapshot, 'nested' | 'leftOut' | 'withheld'>> {
  const environment = { ...outer, GIT_WORK_TREE: directory };
  const run = (args: string[], input?: Buffer) =>
    git(directory, args, { environment, maxBytes: MAX_LISTING_BYTES, ...(input && { input }) });
  const listed = splitNul(await run(['ls-files', '-z', '--others', '--exclude-standard']));
  const others = listed.filter((path) => !skipped.has(path));
  const nested = others.filter((path) => path.endsWith('/'));
  const leftOut = leaveOut(
    others.filter((path) => !path.endsWith('/')).map((path) => ({ path, bytes: sizeOf(placeOf(directory, path)) })),
    NEW_FILES,
  );
  // Git refuses a pathspec of an ignored file, and one that is beyond a link. It would stage neither.
  const known = skipped.size === 0 ? new Set() : new Set([...listed, ...splitNul(await run(['ls-files', '-z']))]);
  const withheld = new Set([...skipped].filter((path) => known.has(path)));
  const notStaged = [...nested, ...leftOut.map(({ path }) => path), ...withheld];
  const excluded = notStaged.map((path) => `:(exclude,top,literal)${path}`);
  const fromInput = ['--pathspec-from-file=-', '--pathspec-file-nul'];
  const add = ['add', '--all', ...fromInput];
  await source.filters.run(directory, environment, (settings) =>
    git(directory, add, { environment, settings: [EXACT_LINES, ...settings], input: listOf([':/', ...excluded]) }),
  );
  await stageUnfiltered(directory, environment, directory === source.path ? source.base : null);
  const found = {
    nested: nested.map(pathText),
    leftOut: leftOut.map((item) => ({ ...item, path: pathText(item.path as BytePath) })),
    withheld,
  };
  for (const [number, path] of nested.entries()) {
    const inner = { ...environment, GIT_INDEX_FILE: `${environment.GIT_INDEX_FILE}-${number}` };
    const inside = await reachable(directory, path, `${inner.GIT_INDEX_FILE}.link`);
    const deeper = await stageAll(source, inside, inner);
    const staged = await git(directory, ['ls-files', '--stage', '-z'], {
      environment: inner,
      maxBytes: MAX_LISTING_BYTES,
    });
    const entries = splitNul(staged).map((entry) => entry.replace('\t', () => `\t${path}`));
    await run(['update-index', '-z', '--index-info'], listOf(entries));
    found.nested.push(...deeper.nested.map((below) => `${pathText(path)}${below}`));
    found.leftOut.push(...deeper.leftOut.map((below) => ({ ...below, path: `${pathText(path)}${below.path}` })));
  }
  return found;
}

/** The directory at a path, or a link to it if its name cannot be an argument of a command because it is not UTF-8. */
async function reachable(directory: string, path: BytePath, link: string): Promise<string> {
  const name = utf8Path(path);
  if (name !== null) return join(directory, name);
  await symlink(placeOf(directory, path), link);
  return link;
}

/** A file can be gone already. */
function sizeOf(path: Buffer): number {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
