import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { exitCode } from '../../../cli/command.ts';
import { kept } from '../../../cli/commands/kept.ts';
import { markKept } from '../../../runner/git/kept-worktrees.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { lockDataDirectory } from '../../../runner/identity.ts';
import { gitIn } from '../../support/git-in.ts';

const NAME = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001-2';
let scratch: string;
let clone: string;
let path: string;
let output: string;

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-kept-'));
  clone = join(scratch, 'clone');
  mkdirSync(clone);
  gitIn(clone, 'init', '-q');
  gitIn(clone, 'commit', '-q', '--allow-empty', '-m', 'first');
  const repository = await Repository.open(clone);
  path = join(scratch, 'data', 'agent', 'worktrees', NAME);
  const { base } = await repository.addWorktree(path, await repository.resolve());
  writeFileSync(join(path, 'work.txt'), 'kept work\n');
  markKept(path, base);
  vi.stubEnv('OIO_DATA_DIR', join(scratch, 'data'));
  output = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += Buffer.from(text).toString();
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

it('kept work is listed, and fetched as a patch that git applies', async () => {
  await kept.run(['list']);
  expect(output).toContain(NAME);
  output = '';
  await kept.run(['fetch', NAME.slice(0, 8)]);
  execFileSync('git', ['-C', clone, 'apply', '--check'], { input: output });
  expect(output).toContain('+kept work');
});

it('a patch without the work in a submodule fails, and names the submodule', async () => {
  const inner = join(path, 'lib');
  mkdirSync(inner);
  gitIn(inner, 'init', '-q');
  gitIn(inner, 'commit', '-q', '--allow-empty', '-m', 'inner');
  gitIn(path, 'update-index', '--add', '--cacheinfo', `160000,${gitIn(inner, 'rev-parse', 'HEAD')},lib`);
  gitIn(path, 'commit', '-qm', 'with a submodule');
  markKept(path, gitIn(path, 'rev-parse', 'HEAD'));
  writeFileSync(join(inner, 'unsaved.txt'), 'x');
  let errors = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    errors += text;
    return true;
  });
  expect(await kept.run(['fetch', NAME])).toBe(exitCode.failed);
  expect(errors).toMatch(/not in the patch: .*lib$/m);
});

it('kept work is deleted with its record in the clone, but not while its agent runs', async () => {
  const unlock = lockDataDirectory(join(scratch, 'data', 'agent'));
  await expect(kept.run(['drop', NAME])).rejects.toThrow('is running. Stop it first.');
  expect(existsSync(path)).toBe(true);
  unlock();
  await kept.run(['drop', NAME]);
  expect(existsSync(path)).toBe(false);
  expect(execFileSync('git', ['-C', clone, 'worktree', 'list'], { encoding: 'utf8' })).not.toContain(NAME);
  output = '';
  await kept.run(['list']);
  expect(output).toBe('No work is kept on this machine.\n');
  await expect(kept.run(['fetch', NAME])).rejects.toThrow('No kept work');
});
