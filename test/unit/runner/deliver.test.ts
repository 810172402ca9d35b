import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DeliveryOrder, deliver } from '../../../runner/git/deliver.ts';
import { endingGitWith } from '../../../runner/git/git.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let clone: string;
let remote: string;
let base: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-deliver-test-'));
  clone = join(scratch, 'clone');
  remote = join(scratch, 'remote.git');
  newRepository(clone, { 'kept.txt': 'one\n', 'gone.txt': 'bye\n' });
  base = gitIn(clone, 'rev-parse', 'HEAD');
  gitIn(scratch, 'clone', '-q', '--bare', clone, remote);
  gitIn(clone, 'remote', 'add', 'origin', remote);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const place = (directory = clone) => ({ directory, gitDirectory: join(directory, '.git') });

/** All of the work that `change` does in a worktree of the clone, as a patch. */
async function workOf(change: (path: string) => void): Promise<Uint8Array> {
  const repository = await Repository.open(clone);
  const worktree = await repository.addWorktree(join(scratch, 'worktree'), base);
  change(worktree.path);
  const { patch } = await worktree.changes();
  await repository.removeWorktree(worktree.path);
  return patch!;
}

const change = (path: string) => writeFileSync(join(path, 'kept.txt'), 'two\n');

async function order(given: Partial<DeliveryOrder> = {}): Promise<DeliveryOrder> {
  return {
    base,
    patch: given.patch ?? (await workOf(change)),
    branch: 'oio/work',
    message: 'Change a file',
    at: 1_764_000_000,
    remote: null,
    scratch: join(scratch, 'lease'),
    ...given,
  };
}

/** What belongs to the person: HEAD, the checkout and all refs but the delivered ones. */
const ofPerson = () => [
  gitIn(clone, 'symbolic-ref', 'HEAD'),
  gitIn(clone, 'status', '--porcelain'),
  gitIn(clone, 'for-each-ref', '--format=%(objectname) %(refname)')
    .split('\n')
    .filter((line) => !line.includes('refs/heads/oio/')),
];

test('the work becomes one commit after the base, on a new branch; nothing of the person changes', async () => {
  writeFileSync(join(clone, 'kept.txt'), 'not committed\n');
  const before = ofPerson();
  const patch = await workOf((path) => {
    change(path);
    rmSync(join(path, 'gone.txt'));
    writeFileSync(join(path, 'line ends.txt'), 'a\r\nb\r\n');
    writeFileSync(join(path, 'run.sh'), '#!/bin/sh\n');
    chmodSync(join(path, 'run.sh'), 0o755);
    symlinkSync('kept.txt', join(path, 'link'));
    writeFileSync(join(path, 'binary'), Buffer.from([0, 255, 10, 0]));
  });
  const end = await deliver(place(), await order({ patch }));
  expect(end).toEqual({
    state: 'delivered',
    commit: expect.any(String),
    pushed: false,
    reason: null,
    retryable: false,
  });
  expect(gitIn(clone, 'rev-parse', 'oio/work', 'oio/work^')).toBe(`${end.commit}\n${base}`);
  expect(gitIn(clone, 'ls-tree', '-r', '--format=%(objectmode) %(path)', 'oio/work').split('\n')).toEqual([
    '100644 binary',
    '100644 kept.txt',
    '100644 line ends.txt',
    '120000 link',
    '100755 run.sh',
  ]);
  expect(execFileSync('git', ['-C', clone, 'show', 'oio/work:line ends.txt'], { encoding: 'utf8' })).toBe('a\r\nb\r\n');
  expect(ofPerson()).toEqual(before);
  expect(readdirSync(scratch).sort()).toEqual(['clone', 'remote.git']);
});

test('the commit is the same object in another clone, whose person has other settings', async () => {
  const wanted = await order();
  const other = join(scratch, 'other');
  gitIn(scratch, 'clone', '-q', remote, other);
  gitIn(other, 'config', 'user.name', 'Somebody');
  gitIn(other, 'config', 'i18n.commitEncoding', 'ISO-8859-1');
  gitIn(other, 'config', 'commit.gpgSign', 'true');
  gitIn(other, 'config', 'core.autocrlf', 'true');
  const [first, second] = [await deliver(place(), wanted), await deliver(place(other), wanted)];
  expect(second).toEqual(first);
  const commit = gitIn(other, 'log', '-1', '--format=%an <%ae>|%cn|%at|%B', 'oio/work');
  expect(commit.trim()).toBe(
    'OpenCode Industrial Orchestrator <agents@oio.invalid>|OpenCode Industrial Orchestrator|1764000000|Change a file',
  );
});

test('a repeated delivery finds the commit and the branch, and goes on where the first was cut off', async () => {
  const wanted = await order();
  const first = await deliver(place(), wanted);
  expect(await deliver(place(), wanted)).toEqual(first);
  const pushed = await deliver(place(), { ...wanted, remote: 'origin' });
  expect(pushed).toEqual({ ...first, pushed: true });
  expect(await deliver(place(), { ...wanted, remote: 'origin' })).toEqual(pushed);
  expect(gitIn(remote, 'rev-parse', 'oio/work')).toBe(first.commit);
  expect(gitIn(clone, 'reflog', 'oio/work').split('\n')).toHaveLength(1);
});

test('another clone takes over after the push, and finds the branch at the remote', async () => {
  const wanted = await order({ remote: 'origin' });
  const first = await deliver(place(), wanted);
  const other = join(scratch, 'other');
  gitIn(scratch, 'clone', '-q', remote, other);
  expect(await deliver(place(other), wanted)).toEqual(first);
});

test('a branch with other content is a conflict, and stays as it is', async () => {
  gitIn(clone, 'branch', 'oio/work');
  const end = await deliver(place(), await order());
  expect(end).toMatchObject({ state: 'conflict', pushed: false, retryable: false });
  expect(end.reason).toBe(
    `The branch oio/work exists in the clone with other content, at ${base.slice(0, 10)}. Deliver to another branch.`,
  );
  expect(gitIn(clone, 'rev-parse', 'oio/work')).toBe(base);
});

test('a branch that moved at the remote is a conflict, and stays as it is', async () => {
  const tree = gitIn(remote, 'rev-parse', `${base}^{tree}`);
  const theirs = gitIn(remote, 'commit-tree', tree, '-p', base, '-m', 'of somebody else');
  for (const at of [theirs, base]) {
    gitIn(remote, 'update-ref', 'refs/heads/oio/work', at);
    const end = await deliver(place(), await order({ remote: 'origin' }));
    expect(end).toMatchObject({ state: 'conflict', commit: expect.any(String), pushed: false, retryable: false });
    expect(end.reason).toContain('The remote origin has a branch oio/work with other content');
    expect(gitIn(remote, 'rev-parse', 'oio/work')).toBe(at);
  }
});

test('a branch beside which it cannot exist is a conflict', async () => {
  gitIn(clone, 'branch', 'oio');
  const inside = await deliver(place(), await order());
  expect(inside.reason).toContain('The clone has a branch oio, so that it can have none with the name oio/work.');
  gitIn(clone, 'branch', 'feature/part');
  const above = await deliver(place(), await order({ branch: 'feature' }));
  expect(above.reason).toContain('The clone has a branch feature/part');
  expect([inside.state, above.state]).toEqual(['conflict', 'conflict']);
});

test('a branch that is checked out without a commit is not made, in any worktree', async () => {
  gitIn(clone, 'worktree', 'add', '-q', '--detach', join(scratch, 'of-person'));
  gitIn(join(scratch, 'of-person'), 'checkout', '-q', '--orphan', 'oio/work');
  const end = await deliver(place(), await order());
  expect(end).toMatchObject({ state: 'conflict', reason: expect.stringContaining('is checked out in the clone') });
  expect(gitIn(clone, 'for-each-ref', 'refs/heads/oio')).toBe('');
});

test('a remote that the clone does not have is named with those that it has', async () => {
  for (const unknown of ['upstream', remote]) {
    const end = await deliver(place(), await order({ remote: unknown }));
    expect(end).toMatchObject({ state: 'failed', pushed: false, retryable: false });
    expect(end.reason).toContain('Its remotes: origin.');
  }
});

test('a hook of the remote that refuses is quoted; hooks of the clone do not run', async () => {
  const hook = (directory: string, name: string, script: string) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  hook(join(clone, '.git/hooks'), 'pre-push', `touch ${join(scratch, 'ran')}; exit 1`);
  hook(join(clone, '.git/hooks'), 'reference-transaction', `touch ${join(scratch, 'ran')}`);
  hook(join(remote, 'hooks'), 'pre-receive', 'echo "No branches on Saturdays"; exit 1');
  const end = await deliver(place(), await order({ remote: 'origin' }));
  expect(end).toMatchObject({ state: 'failed', commit: expect.any(String), pushed: false, retryable: false });
  expect(end.reason).toContain('The remote origin has refused the branch.');
  expect(end.reason).toContain('No branches on Saturdays');
  expect(existsSync(join(scratch, 'ran'))).toBe(false);
});

test('a login that a remote refuses is told without the login; a remote that is away can be tried again', async () => {
  const server = createServer((_, response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  gitIn(clone, 'remote', 'set-url', 'origin', `http://somebody:hunter2@127.0.0.1:${port}/web.git`);
  const refused = await deliver(place(), await order({ remote: 'origin' }));
  await new Promise((resolve) => server.close(resolve));
  expect(refused).toMatchObject({ state: 'failed', retryable: false });
  expect(refused.reason).toContain('The remote origin did not let the agent in.');
  const away = await deliver(place(), await order({ remote: 'origin' }));
  expect(away).toMatchObject({ state: 'failed', retryable: true });
  expect(away.reason).toContain('The remote origin cannot be reached.');
  for (const { reason } of [refused, away]) expect(reason).not.toMatch(/hunter2|somebody/);
});

test('a patch that does not apply makes no branch', async () => {
  const patch = await workOf(change);
  writeFileSync(join(clone, 'kept.txt'), 'other\n');
  gitIn(clone, 'commit', '-qam', 'second');
  const end = await deliver(place(), await order({ patch, base: gitIn(clone, 'rev-parse', 'HEAD') }));
  expect(end).toMatchObject({ state: 'failed', commit: null, retryable: false });
  expect(end.reason).toContain('The commit cannot be made: git apply:');
  expect(gitIn(clone, 'for-each-ref', 'refs/heads/oio')).toBe('');
});

test('a delivery whose lease ends throws, and does nothing more', async () => {
  const ended = AbortSignal.abort(new Error('the lease has ended'));
  const wanted = await order();
  await expect(endingGitWith(ended, () => deliver(place(), wanted))).rejects.toThrow('the lease has ended');
  expect(gitIn(clone, 'for-each-ref', 'refs/heads/oio')).toBe('');
});
