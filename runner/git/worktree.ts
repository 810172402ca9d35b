import { MAX_PATCH_BYTES } from '../../src/protocol/common/limits.ts';
import type { DiffFile } from '../../src/protocol/session/checkpoint.ts';
import { parseFiles } from './changed-files.ts';
import { git, OutputTooLargeError } from './git.ts';
import { copyIncluded, type Included } from './included-files.ts';
import type { LeftOut } from './leave-out.ts';
import { type SnapshotSource, withSnapshot } from './snapshot.ts';

/** A worktree's changes against its base. `patch` is null when it is too large for a checkpoint. */
export interface Changes {
  patch: Uint8Array | null;
  /** The first changed files: at most a thousand, and no more than fit into a frame. */
  files: DiffFile[];
  /** Repositories inside the worktree. The patch holds their files but not their history. */
  nested: string[];
  /** Submodules with changes, which are not in the patch. */
  changedSubmodules: string[];
  /** New files and directories that are too large and not in the patch. */
  leftOut: LeftOut[];
}

const MAX_LISTING_BYTES = 64 * 1_048_576;
/** Long, because git may have to fetch each file, or run a filter for it. */
export const CHECKOUT_LIMIT_MS = 600_000;

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

/** One session's directory of work. */
export class Worktree {
  readonly path: string;
  readonly base: string;
  readonly #source: SnapshotSource;

  constructor(source: SnapshotSource) {
    this.path = source.path;
    this.base = source.base;
    this.#source = source;
  }

  /**
   * All differences from the base. They include new files that are not ignored, files of nested repositories, and
   * commits that the agent made. Changes neither the clone nor the agent's staging area.
   */
  async changes(maxBytes: number = MAX_PATCH_BYTES): Promise<Changes> {
    return withSnapshot(this.#source, async ({ environment, ...found }) => {
      const diff = (maxSize: number, ...format: string[]) =>
        git(this.path, ['diff', '--cached', ...DIFF_FORMAT, ...format, this.base], { environment, maxBytes: maxSize });
      const statuses = await diff(MAX_LISTING_BYTES, '--name-status', '-z');
      const counts = await diff(MAX_LISTING_BYTES, '--numstat', '-z');
      const patch = await diff(maxBytes, '--binary', '--full-index').catch((error) => {
        if (error instanceof OutputTooLargeError) return null;
        throw error;
      });
      const files = parseFiles(statuses, counts);
      return { patch: patch === null ? null : new Uint8Array(patch), files, ...found };
    });
  }

  /** Copies the untracked files that the clone's `.worktreeinclude` names; see `copyIncluded`. */
  async copyIncluded(clone: string): Promise<Included | null> {
    const { path, index } = this.#source;
    return index === null ? null : copyIncluded(clone, path, index);
  }

  /**
   * Applies a patch to a worktree in which nobody has worked.
   * @throws GitError when the patch does not apply; the worktree is the base commit then
   */
  async applyToNew(patch: Uint8Array): Promise<void> {
    if (patch.byteLength === 0) return;
    try {
      await git(this.path, ['apply', '--binary', '--whitespace=nowarn'], { input: patch });
    } catch (error) {
      // A filter that fails has already written some of the files.
      await git(this.path, ['reset', '--hard', '--quiet', this.base], { maxMs: CHECKOUT_LIMIT_MS });
      await git(this.path, ['clean', '-ffdxq'], { maxMs: CHECKOUT_LIMIT_MS });
      throw error;
    }
  }
}
