import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { OpenCodeClient } from '../../runner/opencode/client.ts';
import { packConversation } from '../../runner/opencode/conversation.ts';
import { unpackConversation } from '../../runner/opencode/conversation-parts.ts';
import { artifactsOf, makeAssignment, nextAssignment, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();

// OpenCode stores a message before its text. A kill in between leaves a message without parts.
test('a prompt whose text OpenCode lost in a kill is sent again unchanged', async () => {
  const counter = join(fixture.path, 'counter');
  const prompt = `run echo done >> ${counter}`;
  const work = await fixture.start(makeAssignment({ max_conversation_parts: 1 }));
  await work.message(prompt);
  await work.frame('result');

  const artifacts = artifactsOf(work.frames);
  const checkpoint = nextAssignment(work.assignment, work.frames).checkpoint!;
  const id = checkpoint.conversation_artifact_id!;
  const format = checkpoint.conversation_format!;
  const { session, messages } = unpackConversation({ format, bytes: artifacts.get(id)! });
  const { bytes } = packConversation(session, [{ info: messages[0]!.info, parts: [] }]);
  artifacts.set(id, bytes);
  checkpoint.conversation_sha256 = createHash('sha256').update(bytes).digest('hex');
  checkpoint.messages_done = 0;

  const next = await fixture.start({ ...work.assignment, epoch: 2, checkpoint }, artifacts);
  await next.message(prompt);
  expect(await next.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(readFileSync(counter, 'utf8')).toBe('done\ndone\n');
});

test('a prompt that a restarted server accepted is not sent again while the server stores it', async () => {
  const { client, server } = fixture.rig;
  const asked: string[] = [];
  const prompt: OpenCodeClient['prompt'] = async (asking) => {
    asked.push(asking.text);
    const isUp = once(server, 'up');
    process.kill(server.address?.pid as number, 'SIGKILL');
    await isUp;
    void delay(500).then(() => client.prompt(asking));
  };
  const calls: Partial<OpenCodeClient> = { prompt };
  const late = new Proxy(client, {
    get: (_, name: keyof OpenCodeClient) => calls[name] ?? (client[name] as () => unknown).bind(client),
  });
  const work = await fixture.start(makeAssignment(), new Map(), { client: late });
  await work.message('write asked.txt: once');
  expect(await work.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(asked).toEqual(['write asked.txt: once']);
});
