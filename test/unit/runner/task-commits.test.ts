import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { committedAt, rebuildCommit } from '../../../runner/git/rebuild.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { commitId, workMessage } from '../../../runner/git/task-commit.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';
import { runs } from '../../support/seeds.ts';
import { untidyFiles, writeUntidy } from '../../support/untidy-files.ts';

const TASK = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
let scratch: string;
let mine: Repository;
let other: Repository;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-commits-'));
  newRepository(join(scratch, 'mine'), { a: 'x\ny\n', 'b c/a': '1\r\n2\r\n', '.gitattributes': '*.txt text eol=lf\n' });
  execFileSync('git', ['clone', '-q', join(scratch, 'mine'), join(scratch, 'other')]);
  mine = await Repository.open(join(scratch, 'mine'));
  other = await Repository.open(join(scratch, 'other'));
  // Nothing of this person's configuration may show in a commit.
  const settings = {
    'user.name': 'Other',
    'core.autocrlf': 'input',
    'core.quotePath': 'true',
    'core.whitespace': 'trailing-space',
    'apply.whitespace': 'fix',
    'apply.ignoreWhitespace': 'change',
    'diff.noprefix': 'true',
    'i18n.commitEncoding': 'latin1',
    'commit.gpgSign': 'true',
    'gpg.program': 'false',
    'core.fileMode': 'false',
    'core.hooksPath': 'hooks',
    'log.showSignature': 'true',
  };
  for (const [key, value] of Object.entries(settings)) gitIn(join(scratch, 'other'), 'config', key, value);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function plumb<T>(repository: Repository, base: string, use: Parameters<typeof repository.plumbing<T>>[2]) {
  return repository.plumbing(base, join(scratch, 'scratch-'), use);
}

test('the commit of a task’s work is the same object in every clone that makes it from the patch', async () => {
  const base = await mine.resolve();
  const ofPerson = () => [
    gitIn(join(scratch, 'other'), 'show-ref', '--head'),
    gitIn(join(scratch, 'other'), 'status', '-s'),
  ];
  const before = ofPerson();
  const worktree = await mine.addWorktree(join(scratch, 'worktree'), base);
  await fc.assert(
    fc.asyncProperty(untidyFiles, async (files) => {
      gitIn(worktree.path, 'reset', '-q', '--hard', base);
      gitIn(worktree.path, 'clean', '-qffdx');
      writeUntidy(worktree.path, files);
      const { patch, tree } = await worktree.changes();
      const facts = { tree: tree as string, parents: [base], message: workMessage(TASK) };
      const here = commitId({ ...facts, seconds: await committedAt(mine.directory, base) });
      const there = await plumb(other, base, async (plumbing) =>
        rebuildCommit(
          plumbing,
          base,
          { taskId: TASK, patch, parents: [base] },
          await committedAt(mine.directory, base),
        ),
      );
      expect(there).toBe(here);
      expect(gitIn(join(scratch, 'other'), 'rev-parse', `${there}^{tree}`)).toBe(tree);
    }),
    runs(25),
  );
  expect(ofPerson()).toEqual(before);
});

test('the commit has the bytes that the work has left, whatever line ends the person’s configuration gives', async () => {
  const base = await mine.resolve();
  for (const [index, setting] of ['true', 'input'].entries()) {
    gitIn(join(scratch, 'mine'), 'config', 'core.autocrlf', setting);
    const worktree = await mine.addWorktree(join(scratch, `crlf-${index}`), base);
    expect(readFileSync(join(worktree.path, 'a'), 'latin1')).toBe('x\ny\n');
    writeFileSync(join(worktree.path, 'new'), 'one\r\ntwo\n');
    const { patch } = await worktree.changes();
    const commit = await plumb(mine, base, (plumbing) =>
      rebuildCommit(plumbing, base, { taskId: TASK, patch, parents: [base] }, 0),
    );
    expect(execFileSync('git', ['-C', join(scratch, 'mine'), 'show', `${commit}:new`], { encoding: 'latin1' })).toBe(
      'one\r\ntwo\n',
    );
    gitIn(join(scratch, 'mine'), 'config', '--unset', 'core.autocrlf');
  }
});

test('the commit of a part of the work, when the rest is too large for a patch, is that of the patch', async () => {
  const base = await mine.resolve();
  const worktree = await mine.addWorktree(join(scratch, 'large'), base);
  gitIn(worktree.path, 'mv', 'a', 'moved');
  writeFileSync(join(worktree.path, 'moved'), randomBytes(20_000));
  writeFileSync(join(worktree.path, 'b c', 'a'), 'small\n');
  const { patch, tree, leftOut } = await worktree.changes(4_000);
  expect(leftOut).toHaveLength(1);
  const commit = await plumb(other, base, (plumbing) =>
    rebuildCommit(plumbing, base, { taskId: TASK, patch, parents: [base] }, 0),
  );
  expect(gitIn(join(scratch, 'other'), 'rev-parse', `${commit}^{tree}`)).toBe(tree);
});
