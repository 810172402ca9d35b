import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { CONVERSATION_FORMAT } from '../../runner/opencode/conversation.ts';
import { PARTS_FORMAT, unpackConversation } from '../../runner/opencode/conversation-parts.ts';
import { artifactsOf, makeAssignment, nextAssignment, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();
/** Text that does not compress, so that the first turn is most of the conversation. */
const LONG = 'run head -c 12000 /dev/urandom | base64 -w 0';

test('a conversation grows by parts in its checkpoints, and another agent continues with all of it', async () => {
  const work = await fixture.start(makeAssignment({ max_conversation_parts: 3 }));
  const prompts = [`${LONG}\nrun echo from-the-first`, 'run echo from-the-second', 'run echo from-the-third'];
  for (const [index, prompt] of prompts.entries()) {
    await work.message(prompt);
    await work.frame('result', index + 1);
  }
  const taken = work.of('checkpoint').map(({ conversation }) => conversation!);
  const last = taken.at(-1)!;
  expect([taken[0]?.format, last.format]).toEqual([CONVERSATION_FORMAT, PARTS_FORMAT]);
  expect(last.parts).toHaveLength(2);
  expect(last.bytes).toBeLessThan(last.parts![0]!.bytes / 3);

  const next = await fixture.start(nextAssignment(work.assignment, work.frames), artifactsOf(work.frames));
  await next.message('run echo from-the-fourth');
  expect(await next.frame('result')).toMatchObject({ status: 'completed', messages_done: 4 });
  expect(next.warnings()).toEqual([]);
  const { artifact_id: id, format } = next.of('checkpoint').at(-1)!.conversation!;
  const messages = JSON.stringify(unpackConversation({ format, bytes: artifactsOf(next.frames).get(id)! }).messages);
  for (const word of ['first', 'second', 'third', 'fourth']) expect(messages).toContain(`from-the-${word}`);
});

test('a session that takes no parts gets the conversation whole each time', async () => {
  const { max_conversation_parts: _, ...assignment } = makeAssignment();
  const work = await fixture.start(assignment);
  await work.message('run echo one');
  await work.frame('result');
  await work.message('run echo two');
  await work.frame('result', 2);
  for (const { conversation } of work.of('checkpoint'))
    expect(conversation).toMatchObject({ format: CONVERSATION_FORMAT });
});

test('a conversation of which a part is missing continues from a transcript of the rest', async () => {
  const work = await fixture.start(makeAssignment({ max_conversation_parts: 3 }));
  await work.message(`${LONG}\nrun echo from-the-first`);
  await work.frame('result');
  await work.message('run echo from-the-second');
  await work.frame('result', 2);
  const assignment = nextAssignment(work.assignment, work.frames);
  delete assignment.checkpoint!.conversation_parts;
  const next = await fixture.start(assignment, artifactsOf(work.frames));
  await next.message('run echo from-the-third');
  expect(await next.frame('result')).toMatchObject({ status: 'completed' });
  expect(next.warnings()).toEqual([expect.stringContaining('a part of the conversation is missing')]);
  expect(next.warnings()[0]).toContain('continues from a transcript');
});

test('the log says so when nothing of a conversation can be read', async () => {
  const assignment = makeAssignment();
  const work = await fixture.start(assignment);
  await work.message('run echo one');
  await work.frame('result');
  const artifacts = artifactsOf(work.frames);
  const continued = nextAssignment(assignment, work.frames);
  const id = continued.checkpoint!.conversation_artifact_id!;
  artifacts.set(id, Buffer.from('not a conversation'));
  continued.checkpoint!.conversation_sha256 = createHash('sha256').update('not a conversation').digest('hex');
  const next = await fixture.start(continued, artifacts);
  await next.message('say hello');
  expect(await next.frame('result')).toMatchObject({ status: 'completed' });
  expect(next.warnings()).toEqual([expect.stringContaining('nothing of it can be read')]);
});
