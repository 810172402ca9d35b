import { existsSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Repository } from '../../runner/git/repository.ts';
import type { OpenCodeClient } from '../../runner/opencode/client.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import {
  artifactsOf,
  makeAssignment,
  nextAssignment,
  type WorkRig,
  withCalls,
  workFixtureOfFile,
} from './support/work-rig.ts';

const fixture = workFixtureOfFile();

/** The next lease, on an agent that has kept nothing. Also the texts that the model is asked with. */
async function takenOver(before: WorkRig, change: (next: Assignment) => void = () => undefined) {
  await before.end();
  for (const path of [before.worktree, `${before.worktree}.kept`]) rmSync(path, { recursive: true, force: true });
  const next = nextAssignment(before.assignment, before.frames);
  change(next);
  const asked: string[] = [];
  const prompt: OpenCodeClient['prompt'] = async (asking) => {
    asked.push(asking.text);
    return fixture.rig.client.prompt(asking);
  };
  const client = withCalls(fixture.rig.client, { prompt });
  return { asked, work: await fixture.start(next, artifactsOf(before.frames), { client }) };
}

const TOO_LARGE = 'head -c 9000000 /dev/urandom > large.bin';

test('work that stayed on another machine is named to the model and in the log, and the run is never a plain success', async () => {
  const before = await fixture.start();
  await before.message(`run ${TOO_LARGE}\nwrite code.txt: important`);
  await before.frame('result');

  expect(before.of('checkpoint').at(-1)).toMatchObject({ files: [{ path: 'code.txt' }] });
  expect(before.warnings()).toEqual([expect.stringContaining('large.bin')]);

  const { asked, work } = await takenOver(before);
  await work.message('run ls; cat code.txt');
  const gone = 'large.bin (9 MiB)';
  expect(await work.frame('result')).toMatchObject({
    status: 'partial',
    error: { code: 'work_lost', message: expect.stringContaining(gone) },
  });
  expect(JSON.stringify(work.of('tool'))).toContain('important');
  expect(asked[0]).toContain(gone);
  expect(asked[0]).toContain('run ls; cat code.txt');
  expect(work.warnings()).toEqual([expect.stringContaining(gone)]);
  await work.message('say the second prompt');
  await work.frame('result', 2);
  expect(asked[1]).toBe('say the second prompt');

  const again = await takenOver(work);
  await again.work.message('say on');
  expect(await again.work.frame('result')).toMatchObject({ status: 'partial', error: { code: 'work_lost' } });
});

test('a patch that does not apply leaves the base commit, and the model that goes on with the run is told', async () => {
  const before = await fixture.start();
  await before.message('write code.txt: important');
  await before.frame('result');
  const { work } = await takenOver(before, ({ checkpoint }) => {
    checkpoint!.patch_artifact_id = checkpoint!.conversation_artifact_id;
    checkpoint!.patch_sha256 = checkpoint!.conversation_sha256;
  });
  await work.message('write more.txt: more');
  expect(await work.frame('result')).toMatchObject({ status: 'partial', error: { code: 'work_lost' } });
  expect(work.warnings()[0]).toContain('its patch does not apply here');
  expect(work.of('checkpoint').at(-1)).toMatchObject({
    files: [{ path: 'more.txt' }],
    lacks: [expect.stringContaining('all changes of files up to checkpoint 1')],
  });
});

test('an answer whose files are all gone is no result', async () => {
  const before = await fixture.start();
  await before.message(`run ${TOO_LARGE}`);
  await before.frame('result');
  const { work } = await takenOver(before, (next) => {
    next.messages_last = next.messages_done;
    next.checkpoint!.local_only = true;
  });
  expect(await work.frame('result')).toMatchObject({ status: 'failed', error: { code: 'work_lost' } });
  expect(work.of('turn.started')).toEqual([]);
});

test('a checkpoint that the session refuses fails the run, and the worktree stays', async () => {
  const work = await fixture.start(makeAssignment(), new Map(), { saved: async () => false });
  await work.message('write code.txt: important');
  expect(await work.frame('result')).toMatchObject({
    status: 'failed',
    error: { code: 'checkpoint_failed', message: expect.stringContaining('refused') },
  });
  await work.end();
  expect([existsSync(work.worktree), existsSync(`${work.worktree}.kept`)]).toEqual([true, true]);
});

test('a pause does not wait for a session that is out of reach', async () => {
  const answer = Promise.withResolvers<null>();
  const work = await fixture.start(makeAssignment(), new Map(), { saved: () => answer.promise });
  await work.message('write code.txt: important');
  await work.frame('checkpoint');
  await work.work.command({ type: 'pause', data: { within_ms: 60_000 } });
  expect(await work.frame('released')).toMatchObject({ reason: 'paused' });
  answer.resolve(null);
});

test('work whose patch does not apply to its base is not completed, and its worktree is kept', async () => {
  const verified: number[] = [];
  let isSpoilt = false;
  const repository = (clone: Repository) => {
    const addWorktree = clone.addWorktree.bind(clone);
    clone.addWorktree = async (...args) => {
      const tree = await addWorktree(...args);
      const [changes, verify] = [tree.changes.bind(tree), tree.verify.bind(tree)];
      tree.changes = async () => {
        const found = await changes();
        return isSpoilt ? { ...found, patch: found.patch!.slice(0, -5) } : found;
      };
      tree.verify = async (patch) => {
        verified.push(patch.byteLength);
        return verify(patch);
      };
      return tree;
    };
    return clone;
  };
  const work = await fixture.start(makeAssignment(), new Map(), { repository });
  await work.message('write one.txt: 1');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  await work.message('say the same files');
  expect(await work.frame('result', 2)).toMatchObject({ status: 'completed' });
  expect(verified).toHaveLength(1);
  isSpoilt = true;
  await work.message('write two.txt: 2');
  const error = { code: 'checkpoint_failed', message: expect.stringContaining('cannot be restored') };
  expect(await work.frame('result', 3)).toMatchObject({ status: 'failed', error });
  await work.end();
  expect([existsSync(work.worktree), existsSync(`${work.worktree}.kept`)]).toEqual([true, true]);
});
