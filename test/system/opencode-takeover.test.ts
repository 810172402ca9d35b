import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packConversation } from '../../runner/opencode/conversation.ts';
import { unpackConversation } from '../../runner/opencode/conversation-parts.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { eventually } from '../support/eventually.ts';
import { cloneRepository, startOpenCodeRig } from './support/rig.ts';
import { sleeping, sleepOnce } from './support/tools.ts';
import {
  artifactsOf,
  makeAssignment,
  nextAssignment,
  startWork,
  type WorkRig,
  workFixtureOfFile,
} from './support/work-rig.ts';

const fixture = workFixtureOfFile();

function start(changes: Partial<Assignment> = {}, artifacts?: Map<string, Uint8Array>): Promise<WorkRig> {
  return fixture.start(makeAssignment(changes), artifacts);
}

test('another machine continues work and conversation from the checkpoint', async () => {
  const work = await start();
  await work.message('write one.txt: from the first machine');
  await work.frame('result');
  const clone = cloneRepository(fixture.project, join(fixture.path, 'clone'));
  const other = await startOpenCodeRig(join(fixture.path, 'other-agent'), fixture.model);
  try {
    const next = nextAssignment(work.assignment, work.frames);
    const taken = await startWork(other, clone, next, artifactsOf(work.frames));
    await taken.message('read one.txt\nwrite two.txt: from the second');
    const result = await taken.frame('result');
    expect(result.text).toContain('from the first machine');
    expect(result.messages_done).toBe(2);
    expect(
      taken
        .of('checkpoint')
        .at(-1)
        ?.files.map((file) => file.path),
    ).toEqual(['one.txt', 'two.txt']);
    expect(taken.of('tool').filter((tool) => tool.state === 'completed')).toHaveLength(2);
    await taken.end();
  } finally {
    await other.stop();
  }
});

test('a conversation from a machine with a fast clock continues', async () => {
  const work = await start({ max_conversation_parts: 1 });
  await work.message('write one.txt: 1');
  await work.frame('result');
  const next = nextAssignment(work.assignment, work.frames);
  const artifacts = artifactsOf(work.frames);
  const { checkpoint } = next;
  const id = checkpoint?.conversation_artifact_id ?? '';
  const carried = { format: checkpoint?.conversation_format ?? '', bytes: artifacts.get(id) ?? new Uint8Array() };
  const { session, messages } = unpackConversation(carried);
  const later = messages.map(({ info, parts }) => {
    const time = Object.fromEntries(Object.entries(info.time).map(([name, at]) => [name, Number(at) + 3_600_000]));
    return { info: { ...info, time } as typeof info, parts };
  });
  const { bytes } = packConversation(session, later);
  artifacts.set(id, bytes);
  if (checkpoint) checkpoint.conversation_sha256 = createHash('sha256').update(bytes).digest('hex');

  const taken = await fixture.start(next, artifacts);
  await taken.message('write two.txt: 2');
  expect(await taken.frame('result')).toMatchObject({ status: 'completed', messages_done: 2 });
  const files = taken.of('checkpoint').at(-1)?.files;
  expect(files?.map(({ path }) => path)).toEqual(['one.txt', 'two.txt']);
});

test('a machine that is lost during a long turn leaves a checkpoint, and its steps do not run again', async () => {
  const counter = join(fixture.rig.directory, 'step-counter');
  const prompt = `run echo a >> ${counter}\nwrite one.txt: 1\n${sleepOnce(join(fixture.path, 'slept-lost'))}\nwrite two.txt: 2`;
  const work = await fixture.start(makeAssignment(), new Map(), { stepCheckpointMs: 0 });
  await work.message(prompt);
  await eventually(() => expect(sleeping(fixture.rig.marker)).toHaveLength(1));
  await work.frame('checkpoint', 2);
  const frames = [...work.frames];
  await work.end();

  const taken = await fixture.start(nextAssignment(work.assignment, frames), artifactsOf(frames));
  await taken.message(prompt);
  expect(await taken.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(readFileSync(counter, 'utf8')).toBe('a\n');
  expect(
    taken
      .of('checkpoint')
      .at(-1)
      ?.files.map((file) => file.path),
  ).toEqual(['one.txt', 'two.txt']);
});

test('when an agent was lost after its last checkpoint, its answer becomes the result, and nothing runs again', async () => {
  const work = await start();
  await work.message('write one.txt: once');
  const { text } = await work.frame('result');
  const next = nextAssignment(work.assignment, work.frames);
  const taken = await fixture.start({ ...next, messages_last: 1 }, artifactsOf(work.frames));
  expect(await taken.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(taken.of('result')[0]?.text.split('\n')[0]).toBe(text.split('\n')[0]);
  expect(taken.of('turn.started')).toEqual([]);
});

test('a conversation of another OpenCode release continues from its transcript', async () => {
  const work = await start();
  await work.message('write one.txt: remembered');
  await work.frame('result');
  const next = nextAssignment(work.assignment, work.frames);
  const checkpoint = next.checkpoint as NonNullable<Assignment['checkpoint']>;
  checkpoint.conversation_format = 'opencode-0.0.0+json+gzip';
  const taken = await fixture.start(next, artifactsOf(work.frames));
  await taken.message('say on we go');
  expect(await taken.frame('result')).toMatchObject({ status: 'completed', text: expect.stringContaining('on we go') });
  expect(taken.warnings()[0]).toContain('from a transcript');
});
