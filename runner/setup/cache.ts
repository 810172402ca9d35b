import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, rename, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeTree } from '../process/remove-tree.ts';
import type { SetupRecipe } from './recipe.ts';

type Cache = NonNullable<SetupRecipe['cache']>;

export interface CacheLimits {
  entries: number;
  /** Of all entries together. */
  bytes: number;
  /** What a new entry leaves free on the disk, for the work of all leases. */
  freeBytes: number;
}

const LIMITS: CacheLimits = { entries: 10, bytes: 8 * 1_073_741_824, freeBytes: 2 * 1_073_741_824 };
const SIZE_FILE = 'bytes';
const UNFINISHED = 'unfinished-';

/**
 * What set-ups have made, by key, in a directory. Entries are copied in and out, because a worktree must not share files
 * that a tool could change. A file system that can clone files (Btrfs, XFS, APFS) copies without using space.
 */
export class SetupCache {
  readonly #directory: string;
  readonly #limits: CacheLimits;
  #swept: Promise<void> | null = null;
  /** The sizes of the entries that are being copied in, together. */
  #incoming = 0;

  constructor(directory: string, limits: CacheLimits = LIMITS) {
    this.#directory = directory;
    this.#limits = limits;
  }

  /** Copies an entry into a worktree. False if there is none, or if it cannot be used; then nothing of it stays. */
  async restore(key: string, worktree: string, { paths }: Cache, signal: AbortSignal): Promise<boolean> {
    const entry = join(this.#directory, key);
    if (!(await exists(join(entry, SIZE_FILE)))) return false;
    const taken = await Promise.all(paths.map((path) => exists(join(worktree, path))));
    if (taken.includes(true)) return false;
    try {
      // A time is cut to a millisecond here, and finer when an entry is made.
      const usedAt = new Date(Date.now() + 1);
      await utimes(entry, usedAt, usedAt);
      for (const [number, path] of paths.entries()) {
        if (await exists(join(entry, String(number)))) {
          await refuseLinks(worktree, path);
          await copy(join(entry, String(number)), join(worktree, path), signal);
        }
      }
      return true;
    } catch {
      // For example, because the entry is damaged, or the disk is full.
      for (const path of paths) await removeTree(join(worktree, path)).catch(() => undefined);
      if (!signal.aborted) await this.#discard(entry);
      return false;
    }
  }

  /**
   * Copies what a set-up has made from a worktree. Removes the entries that have not been used for the longest time.
   * @throws when it is too large, or the disk is too full
   */
  async save(key: string, worktree: string, { paths }: Cache, signal: AbortSignal): Promise<void> {
    const entry = join(this.#directory, key);
    if (await exists(join(entry, SIZE_FILE))) return;
    this.#swept ??= this.#sweep();
    await this.#swept;
    await this.#discard(entry);
    const unfinished = this.#unfinishedPath();
    let bytes = 0;
    for (const path of paths) {
      await refuseLinks(worktree, path);
      bytes += await sizeOf(join(worktree, path), signal);
    }
    this.#incoming += bytes;
    try {
      await mkdir(unfinished, { recursive: true, mode: 0o700 });
      await this.#makeRoom(bytes);
      for (const [number, path] of paths.entries()) {
        const from = join(worktree, path);
        if (await exists(from)) await copy(from, join(unfinished, String(number)), signal);
      }
      await writeFile(join(unfinished, SIZE_FILE), String(bytes));
      await rename(unfinished, entry).catch(() => undefined);
    } finally {
      this.#incoming -= bytes;
      await removeTree(unfinished).catch(() => undefined);
    }
  }

  #unfinishedPath(): string {
    return join(this.#directory, `${UNFINISHED}${randomUUID()}`);
  }

  /** Removes an entry, if it exists. First it loses its name, so that a kill leaves no part of it under the key. */
  async #discard(entry: string): Promise<void> {
    const unfinished = this.#unfinishedPath();
    await rename(entry, unfinished)
      .then(() => removeTree(unfinished))
      .catch(() => undefined); // The sweep of the next start tries again.
  }

  /** Removes what a killed process has left. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      if (name.startsWith(UNFINISHED)) await removeTree(join(this.#directory, name)).catch(() => undefined);
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (bytes > this.#limits.bytes) throw new Error('The result of the set-up is too large for the cache.');
    await this.#prune(bytes);
    const { bavail, bsize } = await statfs(this.#directory);
    if (bavail * bsize - this.#incoming >= this.#limits.freeBytes) return;
    throw new Error(`The disk has too little free space. Free some, or delete ${this.#directory}.`);
  }

  /** Removes entries until a new one of that size is within the limits. */
  async #prune(incoming: number): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => !name.startsWith(UNFINISHED));
    const found = names.map(async (name) => {
      const path = join(this.#directory, name);
      const bytes = Number(await readFile(join(path, SIZE_FILE), 'utf8').catch(() => '0'));
      return { path, bytes, usedAt: (await stat(path).catch(() => null))?.mtimeMs ?? 0 };
    });
    const entries = (await Promise.all(found)).sort((a, b) => b.usedAt - a.usedAt);
    let total = incoming;
    for (const [number, { path, bytes }] of entries.entries()) {
      total += bytes;
      if (number + 1 >= this.#limits.entries || total > this.#limits.bytes) {
        await this.#discard(path);
      }
    }
  }
}

/**
 * The key of a set-up's result: the same when nothing is different that the recipe names.
 *
 * @param facts what else decides about the result, such as the `PATH` with the version of a compiler
 */
export async function cacheKey(recipe: SetupRecipe, worktree: string, facts: readonly string[]): Promise<string> {
  const { command, cache } = recipe;
  const files = (cache?.key_files ?? []).map(async (path) => {
    await refuseLinks(worktree, path);
    const content = await readFile(join(worktree, path)).catch(() => null);
    return [path, content === null ? null : sha256(content)];
  });
  return sha256(JSON.stringify([command, cache?.paths, await Promise.all(files), ...facts]));
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

async function sizeOf(path: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const found = await lstat(path).catch(() => null);
  if (found === null) return 0;
  let bytes = found.size;
  if (found.isDirectory()) for (const name of await readdir(path)) bytes += await sizeOf(join(path, name), signal);
  return bytes;
}

/** @throws when the signal is aborted */
async function copy(from: string, to: string, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    async filter(source) {
      signal.throwIfAborted();
      const found = await lstat(source);
      return found.isFile() || found.isDirectory() || found.isSymbolicLink();
    },
  });
}

/** @throws when a directory of the path is a link, which could lead out of the worktree */
async function refuseLinks(worktree: string, path: string): Promise<void> {
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    const found = await lstat(join(worktree, parent)).catch(() => null);
    if (found?.isSymbolicLink()) throw new Error(`${parent} is a link.`);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}
