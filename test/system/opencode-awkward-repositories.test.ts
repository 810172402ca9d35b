import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Repository } from '../../runner/git/repository.ts';
import { AWKWARD_REPOSITORIES, type AwkwardRepositoryName } from '../support/awkward-repositories.ts';
import { artifactsOf, makeAssignment, startWork, type WorkRig, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();
const works: WorkRig[] = [];
afterEach(async () => {
  await Promise.all(works.splice(0).map((work) => work.end()));
});

interface Expected {
  prompt: string;
  /** Part of what the commands print. */
  output: string;
  files: string[];
  status?: 'completed' | 'partial';
  /** The beginnings of the log's warnings. */
  warnings?: string[];
}

const clonePath = (name: AwkwardRepositoryName) => join(fixture.path, name);

/** Runs one session in a new clone, and restores its checkpoint in a second worktree. */
async function session(name: AwkwardRepositoryName, { prompt, output, files, status, warnings = [] }: Expected) {
  const clone = clonePath(name);
  AWKWARD_REPOSITORIES[name](clone);
  const work = await startWork(fixture.rig, clone, makeAssignment());
  works.push(work);
  await work.message(prompt);
  const result = await work.frame('result');
  expect(work.warnings()).toEqual(warnings.map((start) => expect.stringContaining(start)));
  expect(result).toMatchObject({ status: status ?? 'completed' });
  const checkpoint = work.of('checkpoint').at(-1);
  expect(checkpoint?.files.map(({ path }) => path)).toEqual(files);
  expect(
    work
      .of('tool')
      .map(({ output: printed }) => printed)
      .join('\n'),
  ).toContain(output);

  const repository = await Repository.open(clone);
  const patch = new Uint8Array(artifactsOf(work.frames).get(checkpoint?.patch?.artifact_id ?? '') ?? []);
  const restored = await repository.addWorktree(`${clone}-restored`, checkpoint?.base_commit as string);
  expect((await restored.applyToNew(patch)).lacks).toEqual([]);
  expect((await restored.changes()).patch).toEqual(patch);
}

const TABLE: [AwkwardRepositoryName, Expected][] = [
  [
    'submodule',
    { prompt: 'run cat vendor/lib/lib.txt\nwrite own.txt: x', output: 'of the library', files: ['own.txt'] },
  ],
  [
    'submodule_not_in_clone',
    {
      prompt: 'run ls -A vendor/lib | wc -l; echo new > vendor/lib/new.c\nwrite own.txt: x',
      output: '0',
      files: ['own.txt'],
      status: 'partial',
      warnings: ['Submodules are empty', 'Checkpoints cannot hold changes in submodules'],
    },
  ],
  [
    'filter',
    {
      prompt: 'run cat asset.bin; echo more >> asset.bin; echo new > new.bin',
      output: 'content of the asset',
      files: ['asset.bin', 'new.bin'],
    },
  ],
  [
    'filter_not_installed',
    {
      prompt: 'run cat asset.bin; echo new > new.bin',
      output: 'pointer ',
      files: ['new.bin'],
      warnings: ['A filter in the clone'],
    },
  ],
  ['shallow', { prompt: 'run git log --oneline | wc -l\nwrite own.txt: x', output: '1', files: ['own.txt'] }],
  ['many_files', { prompt: 'run ls many | wc -l; rm many/7.txt', output: '20000', files: ['many/7.txt'] }],
  [
    'not_utf8',
    {
      prompt: 'run for f in caf*; do cp "$f" "new-$f"; echo more >> "$f"; done; ls | wc -l',
      output: '3',
      files: ['caf\\351.txt', 'new-caf\\351.txt'],
    },
  ],
  [
    'symlinks_and_modes',
    {
      prompt: 'run ./script.sh; readlink dangling; chmod -x script.sh; chmod +x README.md; ln -sf script.sh link',
      output: '/nowhere/at/all',
      files: ['README.md', 'link', 'script.sh'],
    },
  ],
  [
    'crlf',
    { prompt: "run od -c dos.txt | head -1; printf 'three\\r\\n' >> dos.txt", output: 'e  \\n', files: ['dos.txt'] },
  ],
  [
    'worktrees_of_the_person',
    { prompt: 'run git branch --list\nwrite own.txt: x', output: 'mine', files: ['own.txt'] },
  ],
  [
    'no_ignore_file',
    {
      prompt: 'run mkdir build && truncate -s 100M build/core && ls build\nwrite own.txt: x',
      output: 'core',
      files: ['own.txt'],
      status: 'partial',
      warnings: ['Too large for a checkpoint'],
    },
  ],
  [
    'nested',
    {
      prompt: 'run ls -A; d=$(printf \'caf\\351\') && git init -q "$d" && echo x > "$d/x.txt"',
      output: 'README.md',
      files: ['caf\\351/x.txt'],
      warnings: ['Checkpoints hold the files of nested repositories, but not their history: caf\\351/'],
    },
  ],
  [
    'hooks',
    { prompt: 'run git rev-parse --is-inside-work-tree\nwrite own.txt: x', output: 'true', files: ['own.txt'] },
  ],
];

test.for(TABLE)('%s: a session works in it, and its work can be restored', async ([name, expected]) => {
  await session(name, expected);
});

test('the person’s worktrees and hooks are as before', () => {
  const listed = execFileSync('git', ['-C', clonePath('worktrees_of_the_person'), 'worktree', 'list'], {
    encoding: 'utf8',
  });
  expect(listed.match(/\[(mine|away)\]/g)).toHaveLength(2);
  expect(existsSync(`${clonePath('hooks')}-hooked`)).toBe(false);
});

test('a session in a directory that is an empty submodule is refused', async () => {
  const assignment = makeAssignment({ repository: { directory: 'vendor/lib' } });
  const work = await startWork(fixture.rig, clonePath('submodule_not_in_clone'), assignment);
  works.push(work);
  expect(await work.frame('released')).toMatchObject({
    reason: 'refused',
    message: expect.stringContaining('submodule vendor/lib, which is empty'),
  });
});
