import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { markKept } from '../../../runner/git/kept-worktrees.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { WorkContextError } from '../../../runner/work/failures.ts';
import { type OpenedWorktree, openWorktree } from '../../../runner/work/open-worktree.ts';
import { conflictNotice, markersLeft } from '../../../runner/work/resolving.ts';
import { WorksConflictError } from '../../../runner/work/start.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import type { Start, Work } from '../../../src/protocol/run/start.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const lines = (changed: Record<number, string> = {}) =>
  Array.from({ length: 20 }, (_, i) => `${changed[i + 1] ?? `line ${i + 1}`}\n`).join('');

let scratch: string;
let base: string;
/** An agent for each clone. */
let agents: { repository: Repository; directory: string }[];
let artifacts: Map<string, Uint8Array>;
let works: Work[];
let notes: string[];

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-start-'));
  newRepository(join(scratch, 'clone-0'), { text: lines(), other: lines() });
  base = gitIn(join(scratch, 'clone-0'), 'rev-parse', 'HEAD');
  for (const number of [1, 2])
    execFileSync('git', ['clone', '-q', join(scratch, 'clone-0'), join(scratch, `clone-${number}`)]);
  agents = [];
  for (const number of [0, 1, 2]) {
    const repository = await Repository.open(join(scratch, `clone-${number}`));
    agents.push({ repository, directory: join(scratch, `worktrees-${number}`) });
  }
  [artifacts, works, notes] = [new Map(), [], []];
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

interface Job {
  task: number;
  from?: number[];
  parents?: number[];
  epoch?: number;
  more?: Partial<Assignment>;
}

function open(agent: number, { task, from = [], parents = from, epoch = 1, more = {} }: Job): Promise<OpenedWorktree> {
  const { repository, directory } = agents[agent] as (typeof agents)[number];
  const start: Start = { base_commit: base, from, parents, works };
  const assignment = { task_id: taskIdOf(SESSION, task), epoch, kind: 'work', repository: {}, checkpoint: null, start };
  return openWorktree({ ...assignment, ...more } as unknown as Assignment, {
    repository,
    worktreesDirectory: directory,
    fetchArtifact: async (id) => artifacts.get(id) as Uint8Array,
    report: (frame) => notes.push(frame.type === 'agent.note' ? frame.data.text : frame.type),
  });
}

/** Takes a checkpoint, as the session then names it. @returns its number */
async function save({ worktree, beginning }: OpenedWorktree, { task, parents = [] }: Job): Promise<number> {
  const { patch, tree } = await worktree.changes();
  const checkpoint = works.length + 1;
  const id = `patch-${checkpoint}`;
  artifacts.set(id, patch as Uint8Array);
  works.push({
    checkpoint,
    task_id: taskIdOf(SESSION, task),
    parents,
    base_commit: base,
    commit: beginning.commitOf(tree as string),
    patch_artifact_id: id,
    patch_sha256: createHash('sha256')
      .update(patch as Uint8Array)
      .digest('hex'),
    local_only: false,
  });
  return checkpoint;
}

/** Does a task's work on an agent. @returns the number of its checkpoint */
async function done(agent: number, job: Job, files: Record<string, string>): Promise<number> {
  const opened = await open(agent, job);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(opened.worktree.path, name), text);
  return save(opened, { ...job, parents: job.parents ?? job.from ?? [] });
}

const read = ({ worktree }: OpenedWorktree, name: string) => readFileSync(join(worktree.path, name), 'utf8');

test('a task starts in another clone from the merged work of the tasks before it, and shows its own changes alone', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }), new: 'new\n' });
  const two = await done(1, { task: 3 }, { text: lines({ 17: 'two' }) });
  const opened = await open(2, { task: 4, from: [one, two] });
  expect(read(opened, 'text')).toBe(lines({ 3: 'one', 17: 'two' }));
  expect(read(opened, 'new')).toBe('new\n');
  expect(gitIn(opened.worktree.path, 'status', '--porcelain')).toBe('');
  expect(opened).toMatchObject({ isPristine: false, restoration: { type: 'whole' } });
  expect(notes.at(-1)).toMatch(/^The work starts from the merged work of tasks 2, 3 \(commit [0-9a-f]{10}\)\.$/);
  // Its patch is against the base of the session, and its commit follows both.
  const three = await save(opened, { task: 4, parents: [one, two] });
  const next = await open(0, { task: 5, from: [three] });
  expect(read(next, 'text')).toBe(lines({ 3: 'one', 17: 'two' }));
  const parents = gitIn(next.worktree.path, 'log', '-1', '--format=%P', 'HEAD').split(' ');
  expect(parents).toEqual([works[0]?.commit, works[1]?.commit]);
  expect(gitIn(next.worktree.path, 'rev-parse', 'HEAD')).toBe(works[2]?.commit);
});

test('the commit with which a lease starts is that of a checkpoint without changes', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }) });
  const two = await done(1, { task: 3 }, { new: 'two' });
  for (const from of [[], [one], [one, two]]) {
    const opened = await open(2, { task: 4, from });
    expect(opened.beginning.commitOf((await opened.worktree.changes()).tree as string)).toBe(opened.startCommit);
  }
});

test('a task is taken over in another clone with its own work on top of the merged work before it', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }) });
  const two = await done(1, { task: 3 }, { text: lines({ 17: 'two' }) });
  const job = { task: 4, from: [one, two] };
  const own = await done(0, job, { text: lines({ 17: 'two', 10: 'own' }), made: 'own\n' });
  const opened = await open(2, { task: 4, from: [own], parents: [one, two], epoch: 2 });
  expect(read(opened, 'text')).toBe(lines({ 17: 'two', 10: 'own' }));
  // What the task itself has done is not committed, as it was where it was done.
  expect(gitIn(opened.worktree.path, 'status', '--porcelain')).toBe('M text\n?? made');
  expect(opened.startCommit).toBe(works.at(-1)?.commit);
  const again = await save(opened, { task: 4, parents: [one, two] });
  expect(works[again - 1]?.commit).toBe(works[own - 1]?.commit);
});

test.each([
  { title: 'goes on from it', from: [1] },
  { title: 'begins without it', from: [] },
])(
  'what a task that is done again has removed stays removed when it $title, and what followed it stays',
  async (again) => {
    const old = await done(0, { task: 2 }, { 'bug.ts': 'bug\n', kept: 'kept\n' });
    const after = await done(1, { task: 3, from: [old] }, { feature: 'feature\n' });
    const redone = await open(2, { task: 2, from: again.from, parents: [old], epoch: 2 });
    rmSync(join(redone.worktree.path, 'bug.ts'), { force: true });
    writeFileSync(join(redone.worktree.path, 'kept'), 'kept\n');
    const newer = await save(redone, { task: 2, parents: [old] });
    const { worktree } = await open(0, { task: 4, from: [newer, after] });
    expect(readdirSync(worktree.path).sort()).toEqual(['.git', 'feature', 'kept', 'other', 'text']);
    // Another agent takes it over as the same commit.
    const next = await open(1, { task: 2, from: [newer], parents: [old], epoch: 3 });
    expect(next).toMatchObject({ restoration: { type: 'whole' }, startCommit: works[newer - 1]?.commit });
  },
);

test('own work that removes all that was there before is restored as nothing', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }), new: 'new\n' });
  const opened = await open(1, { task: 3, from: [one] });
  gitIn(opened.worktree.path, 'checkout', '-q', base, '--', '.');
  rmSync(join(opened.worktree.path, 'new'));
  const own = await save(opened, { task: 3, parents: [one] });
  works[own - 1] = { ...(works[own - 1] as Work), patch_artifact_id: null, patch_sha256: null };
  const taken = await open(2, { task: 3, from: [own], parents: [one], epoch: 2 });
  expect(read(taken, 'text')).toBe(lines());
  expect(readdirSync(taken.worktree.path)).not.toContain('new');
});

test('works that conflict end the lease with the files, both sides and the works, and leave no worktree', async () => {
  const other = await done(0, { task: 2 }, { new: 'one' });
  const one = await done(0, { task: 3 }, { text: lines({ 3: 'one' }) });
  const two = await done(1, { task: 4 }, { text: lines({ 3: 'two' }) });
  const error = await open(2, { task: 5, from: [other, one, two] }).catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(WorksConflictError);
  expect((error as WorksConflictError).report).toEqual({
    ours: [one],
    theirs: two,
    files: [{ path: 'text', kind: 'content', ours: 'one', theirs: 'two' }],
    total: 1,
  });
  expect(readdirSync(agents[2]?.directory as string)).toEqual([]);
});

test('a task that resolves a conflict starts with its markers, and its commit follows both sides', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }) });
  const two = await done(1, { task: 3 }, { text: lines({ 3: 'two' }) });
  const job = { task: 4, from: [one, two], more: { kind: 'resolve', resolution: { choices: null } } } as unknown as Job;
  const opened = await open(2, job);
  const { conflict } = opened.beginning;
  expect(conflictNotice(conflict)).toContain('- text (content): ');
  expect(read(opened, 'text')).toContain('<<<<<<< task-2-checkpoint-1\none\n');
  expect(await markersLeft(opened.worktree.path, conflict)).toContain(': text. Resolve');
  writeFileSync(join(opened.worktree.path, 'text'), lines({ 3: 'one and two' }));
  expect(await markersLeft(opened.worktree.path, conflict)).toBeNull();
  const resolved = await save(opened, { task: 4, parents: [one, two] });
  // A takeover still knows what the conflict was.
  const taken = await open(0, { ...job, from: [resolved], parents: [one, two], epoch: 2 });
  expect(taken.beginning.conflict?.labels).toEqual(conflict?.labels);
  expect(read(taken, 'text')).toBe(lines({ 3: 'one and two' }));
  // The task that waited merges the resolution with both works, which it contains.
  const after = await open(1, { task: 5, from: [resolved, one] });
  expect(read(after, 'text')).toBe(lines({ 3: 'one and two' }));
});

test('a person’s choices resolve a conflict without a model', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }), other: lines({ 3: 'one' }) });
  const two = await done(1, { task: 3 }, { text: lines({ 3: 'two' }), other: lines({ 3: 'two' }) });
  const choices = [
    { path: 'text', side: 'theirs' },
    { path: null, side: 'ours' },
  ];
  const job = {
    task: 4,
    from: [one, two],
    more: { kind: 'resolve', resolution: { choices }, is_start_chosen: true },
  } as unknown as Job;
  const opened = await open(2, job);
  expect(read(opened, 'text')).toBe(lines({ 3: 'two' }));
  expect(read(opened, 'other')).toBe(lines({ 3: 'one' }));
  expect(opened.beginning.conflict).toBeNull();
  // What a model had begun on this agent does not count.
  markKept(opened.worktree.path, base);
  writeFileSync(join(opened.worktree.path, 'text'), 'of the model');
  expect(read(await open(2, { ...job, epoch: 2 }), 'text')).toBe(lines({ 3: 'two' }));
  choices.pop();
  await expect(open(2, { ...job, epoch: 3 })).rejects.toThrow('Nobody has chosen a side for other');
});

test('a work that becomes another commit in this clone is refused, and the message says what differs', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }) });
  const real = works[0]?.commit as string;
  works[0] = { ...(works[0] as Work), commit: real.replaceAll(/./g, 'a') };
  const refused = open(1, { task: 3, from: [one] });
  await expect(refused).rejects.toThrow(WorkContextError);
  await expect(refused).rejects.toThrow(`The work of task 2 (checkpoint 1) is the commit ${'a'.repeat(40)}`);
  await expect(open(1, { task: 2, from: [one], parents: [], epoch: 2 })).rejects.toThrow(real);
});

test('a work whose commit nobody has named, and files that no patch could hold, are used and named', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }) });
  works[0] = { ...(works[0] as Work), commit: null, lacks: ['big.bin (40 MiB)'] };
  const two = await done(0, { task: 3 }, { new: 'two' });
  works[1] = { ...(works[1] as Work), commit: null, local_only: true, patch_artifact_id: null, patch_sha256: null };
  const opened = await open(1, { task: 4, from: [one, two] });
  expect(read(opened, 'text')).toBe(lines({ 3: 'one' }));
  expect(opened.restoration).toEqual({
    type: 'incomplete',
    gone: ['big.bin (40 MiB)', 'all changes of files of task 3, which were too large to leave its agent'],
  });
});

test('git’s clean-up in the clone keeps the works while a lease needs them, and removes them afterwards', async () => {
  const one = await done(0, { task: 2 }, { text: lines({ 3: 'one' }) });
  const two = await done(0, { task: 3 }, { new: 'two' });
  const { worktree } = await open(1, { task: 4, from: [one, two] });
  const clone = join(scratch, 'clone-1');
  const refs = gitIn(clone, 'for-each-ref');
  const has = () => {
    gitIn(clone, 'gc', '-q', '--prune=now');
    return works.map(({ commit }) =>
      gitIn(clone, 'cat-file', '--batch-check', '--batch-all-objects').includes(commit as string),
    );
  };
  expect(has()).toEqual([true, true]);
  await agents[1]?.repository.removeWorktree(worktree.path);
  expect(has()).toEqual([false, false]);
  expect(gitIn(clone, 'for-each-ref')).toBe(refs);
});
