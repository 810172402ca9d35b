import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../process/remove-tree.ts';
import { type BytePath, pathText, placeOf, splitNul, utf8Path } from './byte-path.ts';
import type { Filters } from './filters.ts';
import { git, type Setting } from './git.ts';

/** A submodule whose directory is empty, because the clone does not have its commit. */
export interface Unfilled {
  path: string;
  commit: string;
}

/** Where the modules of a repository are: in its git directory, and in its checkout. */
interface ModuleSource {
  gitDirectory: string;
  checkout: string;
}

interface Filling {
  filters: Filters;
  /** The environment by which the processes of the work tree are found. */
  marks: Record<string, string>;
}

const MAX_LISTING_BYTES = 64 * 1_048_576;
/** Git does not clone from another directory by default. */
const LOCAL: Setting = ['protocol.file.allow', 'always'];
const LINK = /^160000 (?:commit )?([0-9a-f]+)[^\t]*\t/;

/** The commits of links to other repositories by path, from a listing of an index or a tree. */
export function gitlinks(listing: Buffer): Map<BytePath, string> {
  const links = splitNul(listing).flatMap((line): [BytePath, string][] => {
    const found = LINK.exec(line);
    return found === null ? [] : [[line.slice(found[0].length) as BytePath, found[1] as string]];
  });
  return new Map(links);
}

/**
 * Fills the submodules of a new work tree, at any depth, from the modules that the clone has on this machine. Git keeps
 * them with its record of the worktree, so that neither the clone's modules nor its configuration change.
 *
 * @returns the submodules that the clone does not have
 */
export async function fillSubmodules(directory: string, source: ModuleSource, how: Filling): Promise<Unfilled[]> {
  const listed = await git(directory, ['ls-files', '--stage', '-z'], { maxBytes: MAX_LISTING_BYTES });
  const links = gitlinks(listed);
  if (links.size === 0) return [];
  const names = await moduleNames(directory);
  const modules = new Map<string, { name: string; module: string }>();
  for (const [bytes, commit] of links) {
    const path = utf8Path(bytes) ?? '';
    const name = names.get(path);
    if (name === undefined) continue;
    const places = [join(source.gitDirectory, 'modules', name), join(source.checkout, path, '.git')];
    const module = await moduleWith(directory, commit, places);
    if (module !== null) modules.set(path, { name, module });
  }
  await checkOut(directory, modules, how);
  const unfilled: Unfilled[] = [];
  for (const [bytes, commit] of links) {
    const path = pathText(bytes);
    const inside = join(directory, path);
    const module = modules.get(path)?.module;
    if (module !== undefined && (await headOf(inside)) === commit) {
      await takeRemote(inside, module);
      // This configuration is the worktree's own, other than that of the clone.
      if (existsSync(join(inside, '.gitmodules')))
        await git(inside, ['submodule', 'init', '--quiet']).catch(() => null);
      const deeper = await fillSubmodules(inside, { gitDirectory: module, checkout: join(source.checkout, path) }, how);
      unfilled.push(...deeper.map((below) => ({ ...below, path: `${path}/${below.path}` })));
    } else {
      unfilled.push({ path, commit });
      if (module !== undefined) await emptied(inside);
    }
  }
  return unfilled;
}

/** The names of submodules by path. One that is not UTF-8 matches no submodule, which then counts as unfilled. */
async function moduleNames(directory: string): Promise<Map<string, string>> {
  const query = ['config', '-z', '--file', '.gitmodules', '--get-regexp', '^submodule\\..*\\.path$'];
  const listed = await git(directory, query).catch(() => Buffer.alloc(0));
  const lines = listed.toString('utf8').split('\0').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const [key = '', path = ''] = line.split('\n');
      return [path, key.slice('submodule.'.length, -'.path'.length)];
    }),
  );
}

/** The first git directory that has the commit. */
async function moduleWith(directory: string, commit: string, places: string[]): Promise<string | null> {
  for (const place of places.filter((path) => existsSync(path))) {
    // The work tree is given, because the one in the module's configuration need not exist.
    const environment = { GIT_DIR: place, GIT_WORK_TREE: directory, GIT_NO_LAZY_FETCH: '1' };
    const find = (...args: string[]) => git(directory, args, { environment });
    const found = await find('cat-file', '-e', `${commit}^{commit}`)
      .then(() => find('rev-parse', '--absolute-git-dir'))
      .catch(() => null);
    if (found !== null) return found.toString('utf8').trim();
  }
  return null;
}

/** Checks out submodules with a module as their remote, so that nothing comes from the network. */
async function checkOut(
  directory: string,
  modules: ReadonlyMap<string, { name: string; module: string }>,
  { filters, marks }: Filling,
) {
  if (modules.size === 0) return;
  const sources = [...modules.values()].flatMap(({ name, module }): Setting[] => [
    [`submodule.${name}.url`, module],
    [`submodule.${name}.active`, 'true'],
  ]);
  const update = ['submodule', 'update', '--checkout', '--quiet', '--jobs', '4', '--', ...modules.keys()];
  // The caller looks at what is there: one submodule that fails does not stop the others.
  await filters
    .run(directory, marks, (settings) =>
      git(directory, update, { environment: marks, settings: [LOCAL, ...sources, ...settings] }),
    )
    .catch(() => undefined);
}

/** Gives a submodule the address and the branches of its module's remote. */
async function takeRemote(directory: string, module: string): Promise<void> {
  const environment = { GIT_DIR: module, GIT_WORK_TREE: directory };
  const url = await git(directory, ['config', 'remote.origin.url'], { environment }).catch(() => null);
  if (url === null) return;
  const branches = ['fetch', '--quiet', module, '+refs/remotes/origin/*:refs/remotes/origin/*'];
  await git(directory, branches, { settings: [LOCAL] }).catch(() => undefined);
  await git(directory, ['config', 'remote.origin.url', url.toString('utf8').trim()]);
}

/** The commit that a submodule has checked out; null if its directory is not a repository of its own. */
async function headOf(directory: string): Promise<string | null> {
  if (!existsSync(join(directory, '.git'))) return null;
  const head = await git(directory, ['rev-parse', '--verify', 'HEAD']).catch(() => null);
  return head?.toString('utf8').trim() ?? null;
}

async function emptied(directory: string): Promise<void> {
  await removeTree(directory);
  await mkdir(directory, { recursive: true });
}

/** Checks out another commit in a submodule that is filled. Returns false if it is not, or lacks the commit. */
export async function moveSubmodule(directory: string, path: BytePath, commit: string): Promise<boolean> {
  const inside = join(directory, pathText(path));
  if ((await headOf(inside)) === null) return false;
  return git(inside, ['checkout', '--quiet', '--detach', commit]).then(
    () => true,
    () => false,
  );
}

/**
 * The submodules with work that no patch of the repository holds: changed or new files, and commits that no branch of
 * the submodule's remote has. If a submodule's directory is not a repository, all its files are such work.
 *
 * @param before the submodules' commits at the base
 * @param now their commits in the snapshot
 */
export async function changedSubmodules(
  directory: string,
  before: ReadonlyMap<BytePath, string>,
  now: ReadonlyMap<BytePath, string>,
): Promise<string[]> {
  const changed: BytePath[] = [];
  for (const [path, commit] of now) {
    if (await hasOwnWork(directory, path, before.get(path) === commit ? null : commit)) changed.push(path);
  }
  return changed.map(pathText).sort();
}

async function hasOwnWork(directory: string, path: BytePath, newCommit: string | null): Promise<boolean> {
  const place = placeOf(directory, path);
  if (!existsSync(place)) return false;
  if (!existsSync(Buffer.concat([place, Buffer.from('/.git')]))) return readdirSync(place).length > 0;
  const inside = join(directory, pathText(path));
  try {
    const status = await git(inside, ['status', '--porcelain', '-z', '--ignore-submodules=none'], {
      maxBytes: MAX_LISTING_BYTES,
    });
    if (status.byteLength > 0 || newCommit === null) return status.byteLength > 0;
    const published = await git(inside, ['for-each-ref', '--count=1', '--contains', newCommit, 'refs/remotes']);
    return published.byteLength === 0;
  } catch {
    return true;
  }
}
