import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mergeAll, type Side } from '../../../runner/git/merge.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

/** Seconds in which the branches of one base become one commit, each checked for conflicts with those before it. */
export interface MergeTimes {
  branches: number;
  files: number;
  /** As a runner merges the work of tasks: without files, on the objects of a clone. */
  runnerSeconds: number;
  /** `git merge` of one branch after the other, with a work tree. */
  gitMergeSeconds: number;
  /** Whether both have made the same files. */
  isSame: boolean;
}

const DIRECTORIES = 50;
const FILES_IN_EACH = 20;
const LINES = 100;

/** Times the merge of so many branches of one base, each of which changes a file, some of them the same ones. */
export async function timeMerges(branches = 100): Promise<MergeTimes> {
  const scratch = mkdtempSync(join(tmpdir(), 'oio-merges-'));
  try {
    const clone = join(scratch, 'clone');
    newRepository(clone, Object.fromEntries(paths().map((path) => [path, text()])));
    const base = gitIn(clone, 'rev-parse', 'HEAD');
    const sides = Array.from({ length: branches }, (_, index) => branch(clone, base, index));
    const runner = await runnerMerge(clone, base, sides, join(scratch, 'scratch-'));
    gitIn(clone, 'checkout', '-q', '--detach', base);
    const startedAt = performance.now();
    for (const { commit } of sides) gitIn(clone, 'merge', '-q', '--no-edit', '--no-ff', commit);
    const gitMergeSeconds = (performance.now() - startedAt) / 1_000;
    const isSame = runner.tree === gitIn(clone, 'rev-parse', 'HEAD^{tree}');
    return { branches, files: paths().length, runnerSeconds: runner.seconds, gitMergeSeconds, isSame };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runnerMerge(clone: string, base: string, sides: readonly Side[], scratchPrefix: string) {
  const repository = await Repository.open(clone);
  const startedAt = performance.now();
  const end = await repository.plumbing(base, scratchPrefix, (plumbing) => mergeAll(plumbing, sides, 0));
  const seconds = (performance.now() - startedAt) / 1_000;
  if (end.type === 'conflict') throw new Error('The branches of the benchmark must not conflict.');
  return { seconds, tree: gitIn(clone, 'rev-parse', `${end.commit}^{tree}`) };
}

/** A commit that changes one line of a file, and adds one. Every other branch changes a file that another one changes too. */
function branch(clone: string, base: string, index: number): Side {
  const path = paths()[Math.floor(index / 2) * 7] as string;
  const line = index % 2 === 0 ? 10 : 80;
  gitIn(clone, 'checkout', '-q', '--detach', base);
  mkdirSync(join(clone, 'new'), { recursive: true });
  writeFileSync(join(clone, path), text({ [line]: `of branch ${index}` }));
  writeFileSync(join(clone, 'new', `${index}.txt`), text());
  gitIn(clone, 'add', '-A');
  gitIn(clone, 'commit', '-q', '-m', `branch ${index}`);
  return { label: `branch-${index}`, commit: gitIn(clone, 'rev-parse', 'HEAD') };
}

function paths(): string[] {
  return Array.from({ length: DIRECTORIES * FILES_IN_EACH }, (_, i) => `d${i % DIRECTORIES}/f${i}.txt`);
}

function text(changed: Readonly<Record<number, string>> = {}): string {
  return Array.from({ length: LINES }, (_, line) => `${changed[line] ?? `line ${line}`}\n`).join('');
}
