import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Creates a clone at `path`. Whatever else it needs goes beside it, at `<path>-…`. */
type Create = (path: string) => void;

function run(directory: string, ...args: string[]): void {
  const settings = ['-c', 'protocol.file.allow=always'];
  execFileSync('git', ['-C', directory, ...settings, ...args], { stdio: 'pipe' });
}

/** Begins a repository, lets `fill` add files, and commits them. */
function create(path: string, fill: (path: string) => void = () => undefined): void {
  mkdirSync(path);
  run(path, 'init', '-q', '-b', 'main');
  run(path, 'config', 'user.name', 'Test');
  run(path, 'config', 'user.email', 'test@example.org');
  writeFileSync(join(path, 'README.md'), 'An awkward repository.\n');
  fill(path);
  run(path, 'add', '-A');
  run(path, 'commit', '-q', '--allow-empty', '-m', 'Begin');
}

/** A clone with the submodule `vendor/lib`, whose own origin is gone afterwards. */
function withSubmodule(path: string, option: '--recurse-submodules' | '--no-recurse-submodules'): void {
  const [main, lib] = [`${path}-main`, `${path}-lib`];
  create(lib, () => writeFileSync(join(lib, 'lib.txt'), 'of the library\n'));
  create(main, () => run(main, 'submodule', 'add', '-q', lib, 'vendor/lib'));
  run('.', 'clone', '-q', option, main, path);
  rmSync(lib, { recursive: true });
}

/** A filter that keeps content in a directory beside the clone, as Git LFS does. */
function withFilter(path: string): void {
  const store = `${path}-store`;
  mkdirSync(store);
  create(path, () => {
    const clean = `f=$(mktemp) && cat >$f && id=$(sha1sum <$f | cut -c1-40) && mv $f ${store}/$id && echo pointer $id`;
    run(path, 'config', 'filter.store.clean', clean);
    run(path, 'config', 'filter.store.smudge', `read -r word id && cat ${store}/$id`);
    run(path, 'config', 'filter.store.required', 'true');
    writeFileSync(join(path, '.gitattributes'), '*.bin filter=store\n');
    writeFileSync(join(path, 'asset.bin'), 'content of the asset\n');
  });
}

const bytes = (path: string, name: string) => Buffer.from(`${path}/${name}`, 'latin1');

/** Repositories with which agents of other makers have had trouble, by name. */
export const AWKWARD_REPOSITORIES = {
  submodule: (path) => withSubmodule(path, '--recurse-submodules'),
  submodule_not_in_clone: (path) => withSubmodule(path, '--no-recurse-submodules'),
  filter: withFilter,
  filter_not_installed: (path) => {
    withFilter(path);
    run(path, 'config', 'filter.store.smudge', 'not-installed smudge -- %f');
    run(path, 'config', 'filter.store.clean', 'not-installed clean -- %f');
  },
  shallow: (path) => {
    create(`${path}-main`);
    run(`${path}-main`, 'commit', '-q', '--allow-empty', '-m', 'second');
    run('.', 'clone', '-q', '--depth', '1', `file://${path}-main`, path);
  },
  many_files: (path) =>
    create(path, () => {
      mkdirSync(join(path, 'many'));
      for (let number = 0; number < 20_000; number++) writeFileSync(join(path, 'many', `${number}.txt`), `${number}\n`);
    }),
  not_utf8: (path) => create(path, () => writeFileSync(bytes(path, 'caf\xe9.txt'), Buffer.from('caf\xe9\n', 'latin1'))),
  symlinks_and_modes: (path) =>
    create(path, () => {
      symlinkSync('README.md', join(path, 'link'));
      symlinkSync('/nowhere/at/all', join(path, 'dangling'));
      writeFileSync(join(path, 'script.sh'), '#!/bin/sh\necho ran\n');
      chmodSync(join(path, 'script.sh'), 0o755);
    }),
  crlf: (path) =>
    create(path, () => {
      run(path, 'config', 'core.autocrlf', 'true');
      writeFileSync(join(path, 'dos.txt'), 'one\r\ntwo\r\n');
    }),
  worktrees_of_the_person: (path) => {
    create(path);
    run(path, 'worktree', 'add', '-q', `${path}-mine`, '-b', 'mine');
    run(path, 'worktree', 'add', '-q', `${path}-away`, '-b', 'away');
    rmSync(`${path}-away`, { recursive: true });
  },
  no_ignore_file: (path) => create(path),
  nested: (path) => {
    create(path);
    create(join(path, 'inner'));
  },
  hooks: (path) => {
    create(path);
    for (const name of ['post-checkout', 'pre-commit', 'post-index-change', 'reference-transaction']) {
      writeFileSync(join(path, '.git/hooks', name), `#!/bin/sh\necho ${name} >> ${path}-hooked\nexit 1\n`);
      chmodSync(join(path, '.git/hooks', name), 0o755);
    }
  },
} satisfies Record<string, Create>;

export type AwkwardRepositoryName = keyof typeof AWKWARD_REPOSITORIES;
