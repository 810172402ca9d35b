import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pathText } from '../../../runner/git/byte-path.ts';
import { type MergeEnd, mergeAll } from '../../../runner/git/merge.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { filesWithMarkers, takeSides } from '../../../runner/git/resolution.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';
import { runs } from '../../support/seeds.ts';

const lines = (from: number, to: number, other: Record<number, string> = {}) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${other[from + i] ?? `line ${from + i}`}\n`).join('');

let scratch: string;
let clone: string;
let repository: Repository;
let base: string;

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-merge-'));
  clone = join(scratch, 'clone');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

async function begin(files: Record<string, string>): Promise<void> {
  newRepository(clone, files);
  repository = await Repository.open(clone);
  base = await repository.resolve();
}

/** A commit on `from`, made in a worktree of its own so that the clone's checkout stays as it is. */
function commit(change: (path: string) => void, from = base): string {
  const path = join(scratch, `of-${Math.random()}`);
  gitIn(clone, 'worktree', 'add', '-q', '--detach', path, from);
  change(path);
  gitIn(path, 'add', '-A');
  gitIn(path, 'commit', '-q', '--allow-empty', '-m', 'change');
  const made = gitIn(path, 'rev-parse', 'HEAD');
  gitIn(clone, 'worktree', 'remove', '--force', path);
  return made;
}

const writing = (files: Record<string, string>) => (path: string) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
};

function merged(...commits: string[]): Promise<MergeEnd> {
  const sides = commits.map((one, i) => ({ label: `work-${i + 1}`, commit: one }));
  return repository.plumbing(base, join(scratch, 'scratch-'), (plumbing) => mergeAll(plumbing, sides, 1));
}

const treeOf = (end: MergeEnd) => gitIn(clone, 'rev-parse', `${end.commit}^{tree}`);

function filesOf(end: MergeEnd) {
  if (end.type !== 'conflict') throw new Error('the merge has no conflict');
  return end.files.map(({ path, kind, ours, theirs }) => ({ path: pathText(path), kind, sides: [ours, theirs] }));
}

test('one side is merged as it is', async () => {
  await begin({ a: '1\n' });
  expect(await merged(base)).toEqual({ type: 'merged', commit: base });
});

test('sides that change other lines and files are merged, and the clone’s refs, index and files do not change', async () => {
  await begin({ text: lines(1, 20) });
  const ofPerson = () => [gitIn(clone, 'show-ref', '--head'), gitIn(clone, 'status', '-s'), gitIn(clone, 'diff')];
  writeFileSync(join(clone, 'text'), 'the person works here\n');
  const before = ofPerson();
  const end = await merged(
    commit(writing({ text: lines(1, 20, { 3: 'first' }) })),
    commit(writing({ text: lines(1, 20, { 15: 'second' }) })),
    commit(writing({ new: 'third\n' })),
  );
  expect(end.type).toBe('merged');
  expect(gitIn(clone, 'show', `${end.commit}:text`)).toBe(lines(1, 20, { 3: 'first', 15: 'second' }).trim());
  expect(gitIn(clone, 'show', `${end.commit}:new`)).toBe('third');
  expect(ofPerson()).toEqual(before);
});

test('the same merge is the same commit in every clone', async () => {
  await begin({ text: lines(1, 20) });
  const sides = [commit(writing({ a: '1' })), commit(writing({ b: '2' })), commit(writing({ c: '3' }))];
  const here = await merged(...sides);
  gitIn(scratch, 'clone', '-q', '--mirror', clone, join(scratch, 'other'));
  gitIn(clone, 'update-ref', 'refs/heads/one', sides[0] as string);
  for (const [i, side] of sides.entries()) gitIn(clone, 'branch', '-f', `side-${i}`, side);
  gitIn(scratch, 'clone', '-q', clone, join(scratch, 'another'));
  clone = join(scratch, 'another');
  repository = await Repository.open(clone);
  expect(await merged(...sides)).toEqual(here);
});

test('each kind of conflict names its file, and shows what both sides have', async () => {
  await begin({
    content: lines(1, 9),
    binary: 'a\0b',
    deleted: 'one\n',
    renamed: lines(10, 40),
    kind: 'one\n',
    link: 'one\n',
  });
  const first = commit((path) => {
    writing({ content: lines(1, 9, { 5: 'of the first' }), binary: 'a\0c', deleted: 'two\n', added: 'first\n' })(path);
    gitIn(path, 'mv', 'renamed', 'renamed-1');
    rmSync(join(path, 'kind'));
    mkdirSync(join(path, 'kind'));
    writeFileSync(join(path, 'kind', 'inside'), 'x');
    rmSync(join(path, 'link'));
    symlinkSync('first', join(path, 'link'));
  });
  const second = commit((path) => {
    writing({ content: lines(1, 9, { 5: 'of the second' }), binary: 'a\0d', added: 'second\n', kind: 'two\n' })(path);
    gitIn(path, 'rm', '-q', 'deleted');
    gitIn(path, 'mv', 'renamed', 'renamed-2');
    rmSync(join(path, 'link'));
    symlinkSync('second', join(path, 'link'));
  });
  const end = await merged(first, second);
  expect(end).toMatchObject({ ours: [0], theirs: 1, labels: ['work-1', 'work-2'] });
  expect(filesOf(end)).toEqual([
    { path: 'added', kind: 'add_add', sides: ['first', 'second'] },
    { path: 'binary', kind: 'binary', sides: [null, null] },
    { path: 'content', kind: 'content', sides: ['of the first', 'of the second'] },
    { path: 'deleted', kind: 'modify_delete', sides: ['two\n', null] },
    { path: 'kind', kind: 'file_directory', sides: [null, 'two\n'] },
    { path: 'link', kind: 'binary', sides: ['first', 'second'] },
    { path: 'renamed', kind: 'rename', sides: [null, null] },
    { path: 'renamed-1', kind: 'rename', sides: [lines(10, 40), null] },
    { path: 'renamed-2', kind: 'rename', sides: [null, lines(10, 40)] },
  ]);
  // The files have both sides, so that they can be resolved.
  expect(gitIn(clone, 'show', `${end.commit}:content`)).toContain('<<<<<<< work-1\nof the first\n');
  expect(gitIn(clone, 'rev-parse', `${end.commit}^1`, `${end.commit}^2`).split('\n')).toEqual([first, second]);
});

test('a conflict names the first two sides that conflict with each other', async () => {
  await begin({ text: lines(1, 20) });
  const end = await merged(
    commit(writing({ a: '1' })),
    commit(writing({ text: lines(1, 20, { 3: 'second' }) })),
    commit(writing({ b: '3' })),
    commit(writing({ text: lines(1, 20, { 3: 'fourth' }) })),
  );
  expect(end).toMatchObject({ type: 'conflict', ours: [1], theirs: 3 });
});

test('a task that follows two others has their work as its own, so that merging it with one of them is no conflict', async () => {
  await begin({ text: lines(1, 20) });
  const [a, b] = [
    commit(writing({ text: lines(1, 20, { 3: 'a' }) })),
    commit(writing({ text: lines(1, 20, { 4: 'b' }) })),
  ];
  expect((await merged(a, b)).type).toBe('conflict');
  const resolved = commit(writing({ text: lines(1, 20, { 3: 'a', 4: 'b' }) }));
  const tree = gitIn(clone, 'rev-parse', `${resolved}^{tree}`);
  const both = gitIn(clone, 'commit-tree', tree, '-p', a, '-p', b, '-m', 'resolved');
  const c = commit(writing({ text: lines(1, 20, { 18: 'c' }) }));
  const end = await merged(both, a, c);
  expect(end.type).toBe('merged');
  expect(gitIn(clone, 'show', `${end.commit}:text`)).toBe(lines(1, 20, { 3: 'a', 4: 'b', 18: 'c' }).trim());
});

test('no program of the repository or the person runs in a merge, and its attributes still say how to merge', async () => {
  await begin({
    '.gitattributes': '*.custom merge=custom\n*.union merge=union\n*.whole -merge\n',
    'x.custom': lines(1, 9),
    'x.union': lines(1, 9),
    'x.whole': lines(1, 20),
  });
  const change = (line: number, word: string) =>
    writing(
      Object.fromEntries(['x.custom', 'x.union', 'x.whole'].map((name) => [name, lines(1, 9, { [line]: word })])),
    );
  const [first, second] = [change(2, 'a'), change(2, 'b')].map((one) => commit(one)) as [string, string];
  const ran = join(scratch, 'ran');
  for (const key of ['merge.custom.driver', 'filter.f.smudge', 'filter.f.clean', 'core.fsmonitor'])
    gitIn(clone, 'config', key, `touch ${ran}`);
  gitIn(clone, 'config', 'merge.default', 'custom');
  mkdirSync(join(clone, '.git', 'info'), { recursive: true });
  writeFileSync(join(clone, '.git', 'info', 'attributes'), '* merge=custom filter=f\n');
  const hook = join(clone, '.git', 'hooks', 'post-index-change');
  mkdirSync(join(clone, '.git', 'hooks'), { recursive: true });
  writeFileSync(hook, `#!/bin/sh\ntouch ${ran}\n`);
  chmodSync(hook, 0o755);
  const end = await merged(first, second);
  expect(filesOf(end).map(({ path, kind }) => [path, kind])).toEqual([
    ['x.custom', 'content'],
    ['x.whole', 'binary'],
  ]);
  expect(gitIn(clone, 'show', `${end.commit}:x.union`)).toBe(lines(1, 9, { 2: 'a\nb' }).trim());
  expect(existsSync(ran)).toBe(false);
});

test('merging in any order gives the same files, or a conflict in each order', async () => {
  await begin({ text: lines(1, 40), other: lines(1, 40) });
  const change = fc.record({ file: fc.constantFrom('text', 'other', 'new'), line: fc.integer({ min: 1, max: 40 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 2, maxLength: 4 }),
      fc.infiniteStream(fc.nat()),
      async (changes, order) => {
        const sides = changes.map(({ file, line }, i) =>
          commit(writing({ [file]: file === 'new' ? `${i}\n` : lines(1, 40, { [line]: `of ${i}` }) })),
        );
        const shuffled = [...sides].map((side) => ({ side, at: order.next().value as number }));
        shuffled.sort((a, b) => a.at - b.at);
        const [one, two] = [await merged(...sides), await merged(...shuffled.map(({ side }) => side))];
        expect(two.type).toBe(one.type);
        if (one.type === 'merged') expect(treeOf(two)).toBe(treeOf(one));
        else expect(new Set(filesOf(two).map(({ path }) => path)).size).toBeGreaterThan(0);
      },
    ),
    runs(8),
  );
});

test('a conflict is resolved with a side for each file, and a file that the side has not is removed', async () => {
  await begin({ one: lines(1, 9), two: lines(1, 9), three: 'x\n', four: lines(10, 30), '\xff': '1' });
  const first = commit((path) => {
    writing({ one: lines(1, 9, { 5: 'a' }), two: lines(1, 9, { 5: 'a' }), three: 'a\n', clean: 'a' })(path);
    gitIn(path, 'mv', 'four', 'four-a');
  });
  const second = commit((path) => {
    writing({ one: lines(1, 9, { 5: 'b' }), two: lines(1, 9, { 5: 'b' }) })(path);
    gitIn(path, 'rm', '-q', 'three');
    gitIn(path, 'mv', 'four', 'four-b');
  });
  const sides = [first, second].map((one, i) => ({ label: `work-${i + 1}`, commit: one }));
  const resolved = await repository.plumbing(base, join(scratch, 'scratch-'), async (plumbing) => {
    const end = await mergeAll(plumbing, sides, 1);
    if (end.type !== 'conflict') throw new Error('the merge has no conflict');
    return takeSides(plumbing, end, (path) => (path === 'one' ? 'ours' : 'theirs'), 1);
  });
  const listed = gitIn(clone, 'ls-tree', '-r', '--name-only', resolved).split('\n');
  expect(listed.filter((name) => !name.startsWith('"'))).toEqual(['clean', 'four-b', 'one', 'two']);
  expect(gitIn(clone, 'show', `${resolved}:one`)).toContain('\na\n');
  expect(gitIn(clone, 'show', `${resolved}:two`)).toContain('\nb\n');
  expect(gitIn(clone, 'rev-parse', `${resolved}^1`, `${resolved}^2`).split('\n')).toEqual([first, second]);
});

const paths = (tree: string) => gitIn(clone, 'ls-tree', '-r', '--format=%(objectmode) %(path)', tree).split('\n');

test.each([
  {
    title: 'a file and a directory',
    first: (path: string) => writeFileSync(join(path, 'x'), 'file\n'),
    second: (path: string) => {
      mkdirSync(join(path, 'x'));
      writeFileSync(join(path, 'x', 'inside'), 'in it\n');
    },
  },
  {
    title: 'a file and a changed directory that was there before',
    first: (path: string) => {
      rmSync(join(path, 'old'), { recursive: true });
      writeFileSync(join(path, 'old'), 'file\n');
    },
    second: (path: string) => writeFileSync(join(path, 'old', 'inside'), 'changed\n'),
  },
  {
    title: 'a file and a link',
    first: (path: string) => writeFileSync(join(path, 'x'), 'file\n'),
    second: (path: string) => symlinkSync('a', join(path, 'x')),
  },
  {
    title: 'an executable file and a link where a file was',
    first: (path: string) => {
      writeFileSync(join(path, 'a'), 'changed\n');
      chmodSync(join(path, 'a'), 0o755);
    },
    second: (path: string) => {
      rmSync(join(path, 'a'));
      symlinkSync('b', join(path, 'a'));
    },
  },
])(
  '$title at one path are one conflict, and each side leaves exactly its files, without names of git',
  async (trial) => {
    await begin({ a: 'base\n', b: 'base\n' });
    const before = commit((path) => {
      mkdirSync(join(path, 'old'));
      writeFileSync(join(path, 'old', 'inside'), 'base\n');
    });
    const [one, other] = [commit(trial.first, before), commit(trial.second, before)];
    for (const [first, second] of [
      [one, other],
      [other, one],
    ] as const) {
      const sides = [first, second].map((side, i) => ({ label: `work-${i + 1}`, commit: side }));
      await repository.plumbing(base, join(scratch, 'scratch-'), async (plumbing) => {
        const end = await mergeAll(plumbing, sides, 1);
        expect(filesOf(end).filter(({ path }) => path.includes('~'))).toEqual([]);
        if (end.type !== 'conflict') return;
        expect(paths(await takeSides(plumbing, end, () => 'ours', 1))).toEqual(paths(first));
        expect(paths(await takeSides(plumbing, end, () => 'theirs', 1))).toEqual(paths(second));
      });
    }
  },
);

test('the files that still have a conflict marker are found, and no other line counts as one', async () => {
  await begin({ one: lines(1, 9), two: lines(1, 9), three: lines(1, 9) });
  const change = (word: string) =>
    commit(writing(Object.fromEntries(['one', 'two', 'three'].map((name) => [name, lines(1, 9, { 5: word })]))));
  const end = await merged(change('a'), change('b'));
  if (end.type !== 'conflict') throw new Error('the merge has no conflict');
  const path = join(scratch, 'worktree');
  gitIn(clone, 'worktree', 'add', '-q', '--detach', path, end.commit);
  const marked = async () => (await filesWithMarkers(path, end)).map(pathText);
  expect(await marked()).toEqual(['one', 'three', 'two']);
  writeFileSync(join(path, 'one'), 'resolved\n<<<<<<< another\n=======\n>>>>>>> another\n');
  rmSync(join(path, 'two'));
  writeFileSync(join(path, 'three'), 'half\r\n>>>>>>> work-2\r\n');
  expect(await marked()).toEqual(['three']);
});

test('a file under a name of git is left of a conflict until it is moved', async () => {
  await begin({ a: 'base\n' });
  const inside = (path: string) => {
    mkdirSync(join(path, 'x'));
    writeFileSync(join(path, 'x', 'inside'), 'in it\n');
  };
  const end = await merged(commit(writing({ x: 'file\n' })), commit(inside));
  if (end.type !== 'conflict') throw new Error('the merge has no conflict');
  const path = join(scratch, 'worktree');
  gitIn(clone, 'worktree', 'add', '-q', '--detach', path, end.commit);
  expect((await filesWithMarkers(path, end)).map(pathText)).toEqual(['x~work-1']);
  gitIn(path, 'mv', 'x~work-1', 'y');
  expect(await filesWithMarkers(path, end)).toEqual([]);
});
