import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FilePatch, kindOf, splitPatch } from '../../../dashboard/src/ui/patch.ts';

describe('a git patch', () => {
  let folder: string;
  let files: Map<string, FilePatch>;
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  const write = (path: string, content: string | Buffer) => writeFileSync(join(folder, path), content);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'oio-patch-'));
    git('init', '-q');
    mkdirSync(join(folder, 'src'));
    write('src/kept.ts', 'one\ntwo\nthree\n');
    write('gone.txt', 'diff --git a/not b/a header\n');
    write('old name.txt', 'moved\nas it is\n');
    git('add', '.');
    git('commit', '-qm', 'base');
    write('src/kept.ts', 'one\n2\nthree\n');
    rmSync(join(folder, 'gone.txt'));
    rmSync(join(folder, 'old name.txt'));
    write('new name.txt', 'moved\nas it is\n');
    write('added.txt', 'diff --git a/fake b/fake\n@@ not a hunk @@\n');
    write('empty.txt', '');
    write('picture.bin', Buffer.from([0, 1, 2, 255, 0, 7]));
    git('add', '-A');
    files = new Map(splitPatch(git('diff', '--cached', '--binary')).map((file) => [file.path, file]));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has one part for each file, under the file’s new name', () => {
    const names = git('diff', '--cached', '--name-only', '-z').split('\0').filter(Boolean);
    expect([...files.keys()].sort()).toEqual(names.sort());
  });

  it('shows a file’s hunks without git’s header', () => {
    expect(files.get('src/kept.ts')!.lines).toEqual(['@@ -1,3 +1,3 @@', ' one', '-two', '+2', ' three']);
  });

  it('does not take a line of a file for a header', () => {
    expect(files.get('added.txt')!.lines).toEqual([
      '@@ -0,0 +1,2 @@',
      '+diff --git a/fake b/fake',
      '+@@ not a hunk @@',
    ]);
  });

  it('shows a binary file without its bytes', () => {
    expect(files.get('picture.bin')!.lines).toEqual(['Binary file']);
  });

  it('shows git’s description for a file without hunks', () => {
    expect(files.get('empty.txt')!.lines[0]).toBe('new file mode 100644');
    expect(files.get('new name.txt')!.lines).toContain('rename from old name.txt');
  });
});

it('added, deleted and unchanged lines of a hunk are distinguished', () => {
  expect(['+a', '-b', ' c', '@@ -1 +1 @@', '\\ No newline at end of file', ''].map(kindOf)).toEqual([
    'add',
    'remove',
    'same',
    'hunk',
    'meta',
    'same',
  ]);
});

it('an empty patch has no files', () => {
  expect(splitPatch('')).toEqual([]);
});
