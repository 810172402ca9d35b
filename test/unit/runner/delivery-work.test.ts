import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repository } from '../../../runner/git/repository.ts';
import { DeliveryWork } from '../../../runner/work/delivery-work.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { gitIn } from '../../support/git-in.ts';
import { newRepository } from '../../support/new-repository.ts';

let scratch: string;
let clone: string;
let patch: Uint8Array;
let base: string;
let frames: AgentFrameBody[];

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-delivery-'));
  clone = join(scratch, 'clone');
  newRepository(clone, { 'kept.txt': 'one\n' });
  base = gitIn(clone, 'rev-parse', 'HEAD');
  writeFileSync(join(clone, 'kept.txt'), 'two\n');
  patch = gzipSync(`${gitIn(clone, 'diff')}\n`);
  gitIn(clone, 'checkout', '-q', '.');
  frames = [];
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function workOn(changes: Partial<NonNullable<Assignment['delivery']>> = {}, fetched = async () => patch) {
  const order = { branch: 'oio/work', message: 'Change it', at: 1_764_000_000, base_commit: base, remote: null };
  const delivery = { ...order, patch_artifact_id: 'patch', patch_sha256: sha256(patch), ...changes };
  const assignment = { kind: 'deliver', task_id: 'task', epoch: 1, delivery } as unknown as Assignment;
  return new DeliveryWork(assignment, {
    repository: await Repository.open(clone),
    worktreesDirectory: scratch,
    fetchArtifact: fetched,
    report: (frame) => frames.push(frame),
  });
}

test('a delivery reports its branch and commit, and then its result', async () => {
  await (await workOn()).run();
  const commit = gitIn(clone, 'rev-parse', 'oio/work');
  expect(frames).toEqual([
    {
      type: 'delivery',
      data: { state: 'delivered', branch: 'oio/work', commit, pushed: false, remote: null, reason: null },
    },
    {
      type: 'result',
      data: expect.objectContaining({
        status: 'completed',
        text: `Delivered as commit ${commit.slice(0, 10)} on the branch oio/work.`,
        error: null,
      }),
    },
  ]);
  expect(gitIn(clone, 'show', 'oio/work:kept.txt')).toBe('two');
});

test('a conflict is a failure that is not tried again', async () => {
  gitIn(clone, 'branch', 'oio/work');
  await (await workOn()).run();
  expect(frames).toMatchObject([
    { type: 'delivery', data: { state: 'conflict', reason: expect.stringContaining('exists in the clone') } },
    { type: 'result', data: { status: 'failed', error: { code: 'delivery_conflict', retryable: false } } },
  ]);
});

test('a clone without the base refuses, so that another agent delivers', async () => {
  await (await workOn({ base_commit: 'f'.repeat(40) })).run();
  expect(frames).toMatchObject([
    { type: 'released', data: { reason: 'refused', message: expect.stringContaining('no commit') } },
  ]);
});

test('a damaged patch makes no branch, and the delivery can be tried again', async () => {
  await (await workOn({}, async () => new Uint8Array([1, 2, 3]))).run();
  expect(frames).toMatchObject([
    { type: 'result', data: { status: 'failed', error: { code: 'start_failed', retryable: true } } },
  ]);
  expect(gitIn(clone, 'for-each-ref', 'refs/heads/oio')).toBe('');
});

test('a delivery that is stopped gives its lease back, and one that has lost its lease says nothing', async () => {
  const never = () => new Promise<Uint8Array<ArrayBuffer>>(() => {});
  const stopped = await workOn({}, never);
  const running = stopped.run();
  await stopped.command({ type: 'stop', data: { within_ms: 0 } });
  await running;
  expect(frames).toEqual([{ type: 'released', data: { reason: 'stopped', message: 'stopped as requested' } }]);
  const lost = await workOn({}, never);
  const losing = lost.run();
  lost.cancel();
  await losing;
  expect(frames).toHaveLength(1);
  expect(gitIn(clone, 'for-each-ref', 'refs/heads/oio')).toBe('');
});
