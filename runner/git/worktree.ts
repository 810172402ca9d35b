import { lstatSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MAX_PATCH_BYTES, MAX_UNPACKED_PATCH_BYTES } from '../../src/protocol/common/limits.ts';
import type { DiffFile } from '../../src/protocol/session/checkpoint.ts';
import { applyPatch, stagePatch, tryPatch, writtenTree } from './apply-patch.ts';
import { type BytePath, pathText, placeOf } from './byte-path.ts';
import { parseFiles } from './changed-files.ts';
import { git, OutputTooLargeError } from './git.ts';
import { type ChangedFile, heaviestChanges } from './heaviest-changes.ts';
import { copyIncluded, type Included } from './included-files.ts';
import type { LeftOut } from './leave-out.ts';
import { packPatch, unpackPatch } from './patch.ts';
import { resetToBase, type SnapshotSource, withSnapshot } from './snapshot.ts';
import type { Unfilled } from './submodules.ts';

/** A worktree's changes against its base. */
export interface Changes {
  /** Compressed if it is over the limit; see `unpackPatch`. Null if git needs too much for it. */
  patch: Uint8Array | null;
  /** The hash of the tree that the patch makes of the base; null without a patch. */
  tree: string | null;
  /** The first changed files: at most a thousand, and no more than fit into a frame. */
  files: DiffFile[];
  /** Repositories inside the worktree. The patch holds their files but not their history. */
  nested: string[];
  /** Submodules with work that is not in the patch. */
  changedSubmodules: string[];
  /** Files, and new directories, that are too large and not in the patch. */
  leftOut: LeftOut[];
}

const MAX_LISTING_BYTES = 64 * 1_048_576;

/** Fixes the format of a patch, so that the user's configuration does not change it. */
const DIFF_FORMAT = [
  '-U3',
  '--inter-hunk-context=0',
  '--diff-algorithm=myers',
  '--indent-heuristic',
  '--submodule=short',
  '--ignore-submodules=none',
  '--no-relative',
  '-O/dev/null',
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--find-renames',
];

/** The most files that are not read again. */
const MAX_KNOWN = 100;

interface Oversized {
  item: LeftOut;
  path: BytePath;
  state: string | null;
}

/** One session's directory of work. */
export class Worktree {
  readonly path: string;
  readonly base: string;
  /** The submodules that were not in the clone when the worktree was created. */
  readonly unfilled: readonly Unfilled[];
  /** Git's words when a filter failed for the worktree's first files; null if none did. */
  readonly filterFailure: string | null;
  readonly #source: SnapshotSource;
  /** The files that were too large for the last patch, as they were then. They cost nothing until they change. */
  #oversized = new Map<BytePath, Oversized>();

  constructor(source: SnapshotSource, unfilled: readonly Unfilled[] = []) {
    this.unfilled = unfilled;
    this.filterFailure = source.filters.failure;
    this.path = source.path;
    this.base = source.base;
    this.#source = source;
  }

  /**
   * All differences from the base. They include new files that are not ignored, files of nested repositories, and
   * commits that the agent made. Changes neither the clone nor the agent's staging area.
   *
   * @param maxBytes of the patch, compressed or not
   * @param maxUnpacked bytes of the patch before it is compressed
   */
  async changes(maxBytes = MAX_PATCH_BYTES, maxUnpacked = MAX_UNPACKED_PATCH_BYTES): Promise<Changes> {
    const startedAt = Date.now();
    const known = new Map([...this.#oversized].filter(([path, { state }]) => state === this.#stateOf(path)));
    const source = { ...this.#source, oversized: new Set(known.keys()) };
    return withSnapshot(source, async ({ environment, leftOut, withheld, ...rest }) => {
      const diff = (maxSize: number, ...format: string[]) =>
        git(this.path, ['diff', '--cached', ...DIFF_FORMAT, ...format, this.base], { environment, maxBytes: maxSize });
      const statuses = await diff(MAX_LISTING_BYTES, '--name-status', '-z');
      const counts = await diff(MAX_LISTING_BYTES, '--numstat', '-z');
      const limit = Math.max(maxBytes, maxUnpacked);
      const whole = () =>
        diff(limit, '--binary', '--full-index').catch((error) => {
          if (error instanceof OutputTooLargeError) return null;
          throw error;
        });
      let raw = await whole();
      let heaviest: ChangedFile[] = [];
      if (raw === null) {
        heaviest = await heaviestChanges(this.path, environment, this.base, limit);
        await resetToBase(
          this,
          environment,
          heaviest.map(({ path }) => path),
        );
        raw = await whole();
      }
      const packed = raw === null ? null : await packPatch(raw, maxBytes);
      const parts = (packed?.leftOut ?? []).map(({ path, bytes }) => ({ path, bytes: bytes.byteLength }));
      const found = [...heaviest, ...parts].map((file) => this.#oversize(file, startedAt));
      const stillLarge = [...known.values()].filter(({ path }) => withheld.has(path));
      const large = [...stillLarge, ...found];
      this.#oversized = new Map(large.slice(0, MAX_KNOWN).map((one) => [one.path, one]));
      const files = parseFiles(statuses, counts).filter(({ path }) => !large.some(({ item }) => item.path === path));
      const all = [...leftOut, ...large.map(({ item }) => item)];
      const isCut = packed !== null && packed.leftOut.length > 0;
      if (isCut) await stagePatch(this.path, this.base, environment, await unpackPatch(packed.patch));
      const tree = packed === null ? null : await writtenTree(environment);
      return { patch: packed?.patch ?? null, tree, files, ...rest, leftOut: all };
    });
  }

  #oversize({ path, bytes }: ChangedFile, startedAt: number): Oversized {
    const size = lstatSync(placeOf(this.path, path), { throwIfNoEntry: false })?.size ?? bytes;
    const item = { path: pathText(path), bytes: size, files: 1 };
    return { path, item, state: this.#stateOf(path, startedAt) };
  }

  /** Equal while a file does not change; null for a file that may have changed since `before`. */
  #stateOf(path: BytePath, before = Number.POSITIVE_INFINITY): string | null {
    const found = lstatSync(placeOf(this.path, path), { throwIfNoEntry: false });
    if (!found) return 'none';
    const { ino, size, mtimeMs, ctimeMs } = found;
    return ctimeMs < before ? `${ino} ${size} ${mtimeMs} ${ctimeMs}` : null;
  }

  /**
   * How an earlier lease has prepared the worktree: why its set-up failed, or an empty text if it did not. Null if no lease
   * has prepared it to the end.
   */
  async prepared(): Promise<string | null> {
    const { index } = this.#source;
    // Only a model removes git's files of a worktree, and it works in prepared ones.
    return index === null ? '' : readFile(preparedMark(index), 'utf8').catch(() => null);
  }

  /** @param failure why the set-up failed, for the lease after a kill; an empty text if it did not */
  async markPrepared(failure = ''): Promise<void> {
    const { index } = this.#source;
    if (index !== null) await writeFile(preparedMark(index), failure);
  }

  /** Copies the untracked files that the clone's `.worktreeinclude` names; see `copyIncluded`. */
  async copyIncluded(clone: string): Promise<Included | null> {
    const { path, index } = this.#source;
    return index === null ? null : copyIncluded(clone, path, index);
  }

  /**
   * Shows that a patch, packed or not, can be restored. Changes no file.
   * @returns the tree that it makes of the base
   * @throws when it is damaged or does not apply to the base
   */
  async verify(patch: Uint8Array): Promise<string> {
    return tryPatch(this.#source, await unpackPatch(patch));
  }

  /**
   * Gives a worktree in which nobody has worked the files that a patch, packed or not, makes of the base.
   * @returns their tree, and what could not be restored, one phrase each
   * @throws GitError when the patch does not apply; no file has changed then
   */
  async applyToNew(patch: Uint8Array): Promise<{ tree: string; lacks: string[] }> {
    const { tree, missing } = await applyPatch(this.#source, await unpackPatch(patch));
    const lacks = missing.map(
      (path) => `the new commit of the submodule ${pathText(path)}, which is not in this clone`,
    );
    return { tree, lacks };
  }
}

/** Beside git's own files of a worktree, so that it lasts as long as the worktree does. */
function preparedMark(index: string): string {
  return join(dirname(index), 'oio-prepared');
}
