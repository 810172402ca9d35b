import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../../runner/git/repository.ts';
import { gitIn } from '../support/git-in.ts';

let scratch: string;
let clone: string;

/** A clone whose `*.bin` files have a filter that keeps their content in a directory of its own, as Git LFS does. */
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-filters-'));
  clone = join(scratch, 'clone');
  mkdirSync(clone);
  gitIn(clone, 'init', '-q', '-b', 'main');
  useStore('store');
  writeFileSync(join(clone, '.gitattributes'), '*.bin filter=store\n');
  writeFileSync(join(clone, 'old.bin'), 'old content\n');
  writeFileSync(join(clone, 'same.bin'), 'same content\n');
  gitIn(clone, 'add', '-A');
  gitIn(clone, 'commit', '-qm', 'first');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function useStore(name: string): void {
  const store = join(scratch, name);
  mkdirSync(store, { recursive: true });
  const clean = `f=$(mktemp) && cat >$f && id=$(sha1sum <$f | cut -c1-40) && mv $f ${store}/$id && echo pointer $id`;
  gitIn(clone, 'config', 'filter.store.clean', clean);
  gitIn(clone, 'config', 'filter.store.smudge', `read -r word id && cat ${store}/$id`);
  gitIn(clone, 'config', 'filter.store.required', 'true');
}

async function worktree(name: string) {
  const repository = await Repository.open(clone);
  return repository.addWorktree(join(scratch, name), await repository.resolve());
}

const text = (directory: string, name: string) => readFileSync(join(directory, name), 'utf8');

test('content of a filtered file arrives where the filter’s store is another one, and unchanged files stay out', async () => {
  const here = await worktree('here');
  expect(text(here.path, 'old.bin')).toBe('old content\n');
  writeFileSync(join(here.path, 'old.bin'), 'changed content\n');
  writeFileSync(join(here.path, 'new.bin'), 'new content\n');
  writeFileSync(join(here.path, 'code.txt'), 'code\n');
  utimesSync(join(here.path, 'same.bin'), 1, 1);
  gitIn(here.path, 'add', 'new.bin');
  const { patch, files } = await here.changes();
  expect(files.map(({ path }) => path)).toEqual(['code.txt', 'new.bin', 'old.bin']);

  const there = await worktree('there');
  useStore('elsewhere');
  await there.applyToNew(patch as Uint8Array);
  const names = ['old.bin', 'new.bin', 'code.txt', 'same.bin'];
  expect(names.map((name) => text(there.path, name))).toEqual(names.map((name) => text(here.path, name)));
  expect((await there.changes()).patch).toEqual(patch);
});

test('files of nested repositories have the content of the work tree too', async () => {
  const here = await worktree('here');
  const inside = join(here.path, 'lib');
  mkdirSync(inside);
  gitIn(inside, 'init', '-q');
  writeFileSync(join(inside, '.gitattributes'), '*.bin filter=store\n');
  writeFileSync(join(inside, 'nested.bin'), 'nested content\n');
  const there = await worktree('there');
  await there.applyToNew((await here.changes()).patch as Uint8Array);
  expect(text(there.path, 'lib/nested.bin')).toBe('nested content\n');
});

test.for(['clean', 'smudge', 'process'])(
  'a %s program that is not installed stops no work, and all content travels',
  async (kind) => {
    const before = await worktree('before');
    writeFileSync(join(before.path, 'new.bin'), 'content from elsewhere\n');
    const earlier = (await before.changes()).patch as Uint8Array;
    gitIn(clone, 'config', `filter.store.${kind}`, 'not-installed filter');

    const here = await worktree('here');
    const isNoticed = kind !== 'clean';
    expect(here.filterFailure).toEqual(isNoticed ? expect.stringContaining('not-installed') : null);
    await here.applyToNew(earlier);
    writeFileSync(join(here.path, 'old.bin'), 'changed content\n');
    writeFileSync(join(here.path, 'code.txt'), 'code\n');
    const { patch, files } = await here.changes();
    // Without the program that reads files, git cannot tell that this one has not changed.
    const paths = files.map(({ path }) => path).filter((path) => isNoticed || path !== 'same.bin');
    expect(paths).toEqual(['code.txt', 'new.bin', 'old.bin']);
    const there = await worktree('there');
    await there.applyToNew(patch as Uint8Array);
    expect(text(there.path, 'new.bin')).toBe('content from elsewhere\n');
    expect(text(there.path, 'old.bin')).toBe('changed content\n');
  },
);

test.for(['smudge', 'process'])('a %s program that may fail is noted when it does', async (kind) => {
  gitIn(clone, 'config', 'filter.store.required', 'false');
  gitIn(clone, 'config', `filter.store.${kind}`, 'not-installed filter');
  const here = await worktree('here');
  expect(text(here.path, 'old.bin')).toMatch(/^pointer /);
  expect(here.filterFailure).toContain('not-installed');
});

test('a failing git command that no filter has caused still fails', async () => {
  const repository = await Repository.open(clone);
  const [commit, tree] = [gitIn(clone, 'rev-parse', 'HEAD'), gitIn(clone, 'rev-parse', 'HEAD^{tree}')];
  rmSync(join(clone, '.git/objects', tree.slice(0, 2), tree.slice(2)));
  await expect(repository.addWorktree(join(scratch, 'broken'), commit)).rejects.toThrow('unable to read tree');
});
