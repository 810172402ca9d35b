import { lstat, readFile } from 'node:fs/promises';
import type { ConflictSide } from '../../src/protocol/common/enums.ts';
import { type BytePath, listOf, placeOf } from './byte-path.ts';
import { isMarker, type Stage } from './conflicts.ts';
import { type MergeConflict, writeMerge } from './merge.ts';
import type { Plumbing } from './plumbing.ts';

const NONE = '0';

/**
 * Resolves a conflict with what one side has at each path. A path that the side does not have is removed. A file that is
 * taken replaces the directory of the other side.
 * @param sideOf a side for each path in conflict
 * @returns a commit with both sides as parents
 */
export async function takeSides(
  plumbing: Plumbing,
  conflict: MergeConflict,
  sideOf: (path: BytePath) => ConflictSide,
  seconds: number,
): Promise<string> {
  const { run } = plumbing;
  await run(['read-tree', conflict.commit]);
  const { stages } = conflict;
  const removed = pathsOf(stages).map((path) => `${NONE} ${NONE.repeat(conflict.commit.length)}\t${path}`);
  // The longer paths first, so that a file comes after the directory that it replaces.
  const origins = [...new Set(stages.map(({ origin }) => origin))].sort((one, other) => other.length - one.length);
  const added = origins.flatMap((origin) => {
    const wanted: Stage['stage'] = sideOf(origin) === 'ours' ? 2 : 3;
    const taken = stages.find((stage) => stage.origin === origin && stage.stage === wanted);
    return taken === undefined ? [] : `${taken.mode} ${taken.id}\t${origin}`;
  });
  await run(['update-index', '--replace', '-z', '--index-info'], { input: listOf([...removed, ...added]) });
  const tree = (await run(['write-tree', '--missing-ok'])).toString('latin1').trim();
  return writeMerge(plumbing, tree, conflict.parents, seconds);
}

function pathsOf(stages: readonly Stage[]): BytePath[] {
  return [...new Set(stages.map(({ path }) => path))];
}

/** The files in conflict that still have a marker of git in a directory, or are still where git has moved a side. */
export async function filesWithMarkers(
  directory: string,
  { stages, labels }: Pick<MergeConflict, 'stages' | 'labels'>,
): Promise<BytePath[]> {
  const paths = pathsOf(stages).sort();
  const moved = new Set(stages.filter(({ path, origin }) => path !== origin).map(({ path }) => path));
  const marked: BytePath[] = [];
  for (const path of paths) {
    if (moved.has(path)) {
      const isThere = await lstat(placeOf(directory, path)).then(
        () => true,
        () => false,
      );
      if (isThere) marked.push(path);
      continue;
    }
    // It may be gone, or a directory.
    const content = await readFile(placeOf(directory, path)).catch(() => Buffer.alloc(0));
    const lines =
      content.includes('<<<<<<<') || content.includes('>>>>>>>') ? content.toString('latin1').split('\n') : [];
    if (lines.some((line) => isMarker(line, '<', labels[0]) || isMarker(line, '>', labels[1]))) marked.push(path);
  }
  return marked;
}
