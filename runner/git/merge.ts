import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConflictFile,
  type ConflictListing,
  conflictFiles,
  parseClean,
  parseMerge,
  type Stage,
} from './conflicts.ts';
import type { Plumbing } from './plumbing.ts';
import { type CommitFacts, commitText } from './task-commit.ts';

/** One side of a merge. */
export interface Side {
  /** What git's conflict markers call it: a name of a ref without slashes, other than those of the other sides. */
  label: string;
  commit: string;
}

export type MergeEnd = { type: 'merged'; commit: string } | MergeConflict;

/** Two sides that cannot be merged. The first one can be several, merged before. */
export interface MergeConflict {
  type: 'conflict';
  /** The indices of the sides that are the first one, and of the second one. */
  ours: readonly number[];
  theirs: number;
  /** What the markers call the sides. */
  labels: readonly [ours: string, theirs: string];
  parents: readonly [ours: string, theirs: string];
  /** Has both as parents, and conflict markers in its files. */
  commit: string;
  stages: readonly Stage[];
  files: ConflictFile[];
  /** How many files are in conflict. `files` may leave some out. */
  total: number;
}

/** The label of several sides that conflict with another one only together. */
const SEVERAL = 'the-works-before';
const MERGE_LIMIT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1_048_576;

/** Writes a commit into the clone. @returns its hash, which is that of `commitId` */
export async function writeCommit({ run }: Plumbing, facts: CommitFacts): Promise<string> {
  const input = Buffer.from(commitText(facts));
  return (await run(['hash-object', '-t', 'commit', '-w', '--stdin'], { input })).toString('latin1').trim();
}

/**
 * Merges commits in their order, three-way from their common ancestors. No file of a work tree changes. A conflict is
 * reported for the first two sides that conflict with each other, so that it can be resolved between them.
 *
 * @param sides at least one
 * @param seconds of the commits that this makes
 */
export async function mergeAll(plumbing: Plumbing, sides: readonly Side[], seconds: number): Promise<MergeEnd> {
  const commits = sides.map(({ commit }) => commit);
  const merged = sides.length > 2 ? await mergeInPairs(plumbing, commits, seconds) : null;
  return merged === null ? mergeInTurn(plumbing, sides, seconds) : { type: 'merged', commit: merged };
}

/**
 * Merges neighbours, then the neighbours of what they have become, and so on: a hundred sides in seven rounds of two
 * commands each. Returns null if there is a conflict, which does not say between which sides it is.
 */
async function mergeInPairs(plumbing: Plumbing, sides: readonly string[], seconds: number): Promise<string | null> {
  let round = sides;
  while (round.length > 1) {
    const pairs = Array.from({ length: Math.floor(round.length / 2) }, (_, i) => round.slice(2 * i, 2 * i + 2));
    const input = Buffer.from(pairs.map((pair) => `${pair.join(' ')}\n`).join(''));
    const merge = ['merge-tree', '--write-tree', '--stdin', '-z'];
    const trees = parseClean(await plumbing.run(merge, { input, maxMs: MERGE_LIMIT_MS, maxBytes: MAX_OUTPUT_BYTES }));
    if (trees === null) return null;
    const merges = pairs.map((parents, i) => mergeFacts(trees[i] as string, parents, seconds));
    const odd = round.length % 2 === 1 ? round.slice(-1) : [];
    round = [...(await writeCommits(plumbing, merges)), ...odd];
  }
  return round[0] as string;
}

/** Merges each side with what the ones before it have become. */
async function mergeInTurn(plumbing: Plumbing, sides: readonly Side[], seconds: number): Promise<MergeEnd> {
  for (const side of sides) await name(plumbing, side);
  let before = sides[0] as Side;
  for (const [index, side] of sides.entries()) {
    if (index === 0) continue;
    const merged = await mergeTwo(plumbing, before, side);
    if (merged.listing !== null)
      return conflictOf(plumbing, sides, index, { before, listing: merged.listing, seconds });
    const commit = await writeMerge(plumbing, merged.tree, [before.commit, side.commit], seconds);
    before = { label: SEVERAL, commit };
    await name(plumbing, before);
  }
  return { type: 'merged', commit: before.commit };
}

async function conflictOf(
  plumbing: Plumbing,
  sides: readonly Side[],
  second: number,
  { before, listing, seconds }: { before: Side; listing: ConflictListing; seconds: number },
): Promise<MergeConflict> {
  const side = sides[second] as Side;
  const found = await firstConflict(plumbing, sides.slice(0, second), side);
  const first = found?.index ?? null;
  const other = first === null ? before : (sides[first] as Side);
  const shown = found?.listing ?? listing;
  const labels = [other.label, side.label] as const;
  const parents = [other.commit, side.commit] as const;
  return {
    type: 'conflict',
    ours: first === null ? sides.slice(0, second).map((_, index) => index) : [first],
    theirs: second,
    labels,
    parents,
    commit: await writeMerge(plumbing, shown.tree, parents, seconds),
    stages: shown.stages,
    ...(await conflictFiles(plumbing, shown, labels)),
  };
}

/** The first of the sides that conflicts with another one by itself. */
async function firstConflict(plumbing: Plumbing, sides: readonly Side[], other: Side) {
  if (sides.length === 1) return null;
  for (const [index, side] of sides.entries()) {
    const { listing } = await mergeTwo(plumbing, side, other);
    if (listing !== null) return { index, listing };
  }
  return null;
}

async function mergeTwo({ run }: Plumbing, first: Side, second: Side) {
  const merge = ['merge-tree', '--write-tree', '-z', first.label, second.label];
  return parseMerge(await run(merge, { codes: [0, 1], maxMs: MERGE_LIMIT_MS, maxBytes: MAX_OUTPUT_BYTES }));
}

/** Writes the commit of a merge into the clone. @returns its hash */
export function writeMerge(
  plumbing: Plumbing,
  tree: string,
  parents: readonly string[],
  seconds: number,
): Promise<string> {
  return writeCommit(plumbing, mergeFacts(tree, parents, seconds));
}

function mergeFacts(tree: string, parents: readonly string[], seconds: number): CommitFacts {
  return { tree, parents, seconds, message: 'Merge of the works before' };
}

/** Writes commits with one command. */
async function writeCommits({ run, directory }: Plumbing, commits: readonly CommitFacts[]): Promise<string[]> {
  const files = commits.map((_, index) => join(directory, `commit-${index}`));
  for (const [index, facts] of commits.entries()) await writeFile(files[index] as string, commitText(facts));
  const input = Buffer.from(files.map((file) => `${file}\n`).join(''));
  const write = ['hash-object', '-t', 'commit', '-w', '--no-filters', '--stdin-paths'];
  return (await run(write, { input })).toString('latin1').trim().split('\n');
}

/** Git's conflict markers have the names that its command was given. */
async function name({ gitDirectory }: Plumbing, { label, commit }: Side): Promise<void> {
  await writeFile(join(gitDirectory, 'refs', 'tags', label), `${commit}\n`);
}
