import { readFile } from 'node:fs/promises';
import type { ConflictSide } from '../../src/protocol/common/enums.ts';
import { type BytePath, listOf, placeOf } from './byte-path.ts';
import { isMarker, type Stage } from './conflicts.ts';
import { type MergeConflict, writeMerge } from './merge.ts';
import type { Plumbing } from './plumbing.ts';

const NONE = '0';

/**
 * Resolves a conflict with what one side has at each path. A path that the side does not have is removed.
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
  const entries = [...new Set(conflict.stages.map(({ path }) => path))].map((path) => {
    const wanted: Stage['stage'] = sideOf(path) === 'ours' ? 2 : 3;
    const taken = conflict.stages.find((stage) => stage.path === path && stage.stage === wanted);
    return taken === undefined
      ? `${NONE} ${NONE.repeat(conflict.commit.length)}\t${path}`
      : `${taken.mode} ${taken.id}\t${path}`;
  });
  await run(['update-index', '-z', '--index-info'], { input: listOf(entries) });
  const tree = (await run(['write-tree', '--missing-ok'])).toString('latin1').trim();
  return writeMerge(plumbing, tree, conflict.parents, seconds);
}

/** The files in conflict that still have a marker of git in a directory. */
export async function filesWithMarkers(
  directory: string,
  { stages, labels }: Pick<MergeConflict, 'stages' | 'labels'>,
): Promise<BytePath[]> {
  const paths = [...new Set(stages.map(({ path }) => path))].sort();
  const marked: BytePath[] = [];
  for (const path of paths) {
    // It may be gone, or a directory.
    const content = await readFile(placeOf(directory, path)).catch(() => Buffer.alloc(0));
    const lines =
      content.includes('<<<<<<<') || content.includes('>>>>>>>') ? content.toString('latin1').split('\n') : [];
    if (lines.some((line) => isMarker(line, '<', labels[0]) || isMarker(line, '>', labels[1]))) marked.push(path);
  }
  return marked;
}
