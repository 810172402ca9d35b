import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { eventually } from '../support/eventually.ts';
import { gitIn } from '../support/git-in.ts';
import { Gate, sleeping, sleepOnce } from './support/tools.ts';
import { artifactsOf, makeAssignment, nextAssignment, type WorkRig, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile();

function start(changes: Partial<Assignment> = {}, artifacts?: Map<string, Uint8Array>): Promise<WorkRig> {
  return fixture.start(makeAssignment(changes), artifacts);
}

const sleepingTools = () => sleeping(fixture.rig.marker);
const stall = (name: string) => sleepOnce(join(fixture.path, `slept-${name}`));
const gate = (name: string) => new Gate(join(fixture.path, `gate-${name}`));

async function untilSleeping(): Promise<void> {
  await eventually(() => expect(sleepingTools()).toHaveLength(1));
}

test('a prompt becomes a turn with its tools, files, todo list, text, usage, checkpoint and result', async () => {
  const work = await start();
  await work.message('think hm\ntodo plan; do\nwrite src/hello.txt: hi\nrun echo from-the-shell\nsay bye');
  const result = await work.frame('result');

  expect(result).toMatchObject({ status: 'completed', messages_done: 1, error: null });
  expect(result.text).toContain('I did 3 steps');
  expect(work.text()).toBe(result.text);
  expect(work.of('reasoning.delta').map((delta) => delta.text)).toEqual(['hm']);
  expect(work.of('file.edited')).toEqual([{ path: 'src/hello.txt' }]);
  expect(work.of('todo')[0]?.items.map((item) => item.content)).toEqual(['plan', 'do']);
  const shell = work.of('tool').filter((tool) => tool.tool === 'bash');
  expect(shell.map((tool) => tool.state)).toEqual(['pending', 'running', 'completed']);
  expect(shell.at(-1)?.output).toBe('from-the-shell\n');
  expect(work.of('usage')).toHaveLength(4);
  expect(work.of('usage').every((usage) => usage.input_tokens > 0 && usage.cost_usd > 0)).toBe(true);
  expect(work.of('checkpoint')[0]).toMatchObject({ messages_done: 1, local_only: false, requested: false });
  expect(work.of('checkpoint')[0]?.files).toEqual([
    { path: 'src/hello.txt', status: 'added', additions: 1, deletions: 0 },
  ]);
  expect(work.frames.map((frame) => AgentFrameBody().safeParse(frame).error?.message)).toEqual(
    work.frames.map(() => undefined),
  );
  const order = work.frames.map((frame) => frame.type);
  expect(order.slice(0, 2), 'the start commit, then the turn').toEqual(['agent.note', 'turn.started']);
  expect(order.slice(order.indexOf('turn.completed')).filter((type) => type !== 'artifact.chunk')).toEqual([
    'turn.completed',
    'checkpoint',
    'result',
  ]);
});

test('text arrives in increments, each at the offset where the previous one ended', async () => {
  const work = await start();
  await work.message('slow 10 100');
  await work.frame('result');
  const deltas = work.of('text.delta');
  expect(deltas.length).toBeGreaterThan(1);
  let length = 0;
  for (const delta of deltas) {
    expect(delta.offset).toBe(length);
    length += delta.text.length;
  }
  expect(work.of('part.completed').map((part) => part.length)).toEqual([length]);
});

test('a failed or aborted turn, which OpenCode calls idle twice, ends once', async () => {
  const work = await start();
  await work.message('fail 400');
  const failed = await work.frame('result');
  expect(failed).toMatchObject({ status: 'failed', messages_done: 0 });
  expect(failed.error).toMatchObject({ code: 'api_error', retryable: false });
  expect(failed.error?.message).toContain('scripted failure 400');
  // The session has ended, or tries again under another lease, so this lease does nothing more.
  await work.message('say better');
  const next = await start();
  await next.message('say better');
  expect(await next.frame('result')).toMatchObject({ status: 'completed' });
  expect(work.of('result')).toHaveLength(1);
  expect(work.of('turn.started')).toHaveLength(1);
});

test('a model that fails for a while is reported as a retry', async () => {
  const work = await start();
  await work.message('fail 503 1');
  expect(await work.frame('model.retry')).toMatchObject({ attempt: 1 });
});

test('usage of sub-agents is counted and marked', async () => {
  const work = await start();
  await work.message('task write by-sub-agent.txt: x');
  await work.frame('result');
  const ofSubAgent = work.of('usage').filter((usage) => usage.sub_agent);
  expect(ofSubAgent).toHaveLength(2);
  expect(work.of('file.edited')).toEqual([{ path: 'by-sub-agent.txt' }]);
  const tools = work.of('tool').map((tool) => tool.tool);
  expect(new Set(tools)).toEqual(new Set(['task']));
});

test('the model reads a steering message at its next step, before the turn ends', async () => {
  const work = await start();
  const held = gate('steer');
  await work.message(`${held.directive}\nrun sleep 1\nrun echo first`);
  await work.frame('tool', 2);
  await work.message('run echo steered', 'steer');
  held.open();
  const result = await work.frame('result');
  expect(result.messages_done).toBe(2);
  expect(work.of('turn.started')).toHaveLength(1);
  expect(work.of('tool').flatMap((tool) => tool.output ?? [])).toEqual(
    expect.arrayContaining(['first\n', 'steered\n']),
  );
});

test('a steering message that overtakes a waiting message does not affect it', async () => {
  const work = await start();
  const held = gate('overtake');
  await work.message(`${held.directive}\nrun sleep 1\nrun echo first`);
  await work.frame('tool', 2);
  await work.message('run echo waited');
  await work.message('run echo steered', 'steer');
  held.open();
  expect(await work.frame('result')).toMatchObject({ status: 'completed', messages_done: 3 });
  expect(work.of('turn.started').map(({ message }) => message)).toEqual([1, 2]);
  expect(work.of('checkpoint').map(({ messages_done }) => messages_done)).toEqual([1, 3]);
  const outputs = work.of('tool').flatMap((tool) => tool.output ?? []);
  expect(outputs).toEqual(expect.arrayContaining(['first\n', 'steered\n', 'waited\n']));
});

test('a message that was steered into a turn before a pause needs no other turn after it', async () => {
  const work = await start();
  const held = gate('steer-and-pause');
  const prompts = [`${held.directive}\nslow 20 200\nrun echo first`, 'run echo steered'] as const;
  await work.message(prompts[0]);
  await work.frame('tool', 2);
  await work.message(prompts[1], 'steer');
  await work.work.command({ type: 'pause', data: { within_ms: 30_000 } });
  held.open();
  expect(await work.frame('released')).toMatchObject({ reason: 'paused' });

  const resumed = await fixture.start(nextAssignment(work.assignment, work.frames), artifactsOf(work.frames));
  for (const prompt of prompts) await resumed.message(prompt);
  expect(await resumed.frame('result')).toMatchObject({ status: 'completed', messages_done: 2 });
  expect(resumed.of('turn.started').map(({ message }) => message)).toEqual([1]);
  const outputs = resumed.of('tool').flatMap((tool) => tool.output ?? []);
  expect(outputs).toContain('steered\n');
});

test('a pause ends the turn after the current step, and another lease continues with the rest', async () => {
  const counter = join(fixture.rig.directory, 'pause-counter');
  const held = gate('pause');
  const work = await start();
  // The text between the steps keeps the model busy, as a real model would be.
  const prompt = `${held.directive}; echo a >> ${counter}\nslow 20 200\nrun echo b >> ${counter}\nwrite last.txt: c`;
  await work.message(prompt);
  await work.frame('tool', 2);
  await work.work.command({ type: 'pause', data: { within_ms: 30_000 } });
  held.open();
  expect(await work.frame('released')).toMatchObject({ reason: 'paused' });
  expect(readFileSync(counter, 'utf8')).toBe('a\n');
  expect(work.of('checkpoint').at(-1)).toMatchObject({ messages_done: 0 });

  const resumed = await fixture.start(nextAssignment(work.assignment, work.frames), artifactsOf(work.frames));
  await resumed.message(prompt);
  expect(await resumed.frame('result')).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(readFileSync(counter, 'utf8')).toBe('a\nb\n');
  expect(resumed.of('tool').filter((tool) => tool.state === 'completed')).toHaveLength(2);
});

test('a turn that does not end by itself is aborted when a pause has waited long enough', async () => {
  const work = await start();
  await work.message(stall('pause'));
  await untilSleeping();
  await work.work.command({ type: 'pause', data: { within_ms: 200 } });
  expect(await work.frame('released')).toMatchObject({ reason: 'paused' });
  expect(sleepingTools()).toEqual([]);
});

test('the limit of model turns ends the work as partial, with the work so far', async () => {
  const work = await start({ agent_config: { max_turns: 2 } });
  await work.message('write one.txt: 1\nwrite two.txt: 2\nslow 20 200\nwrite three.txt: 3');
  expect(await work.frame('result')).toMatchObject({ status: 'partial', error: { code: 'max_turns' } });
  expect(
    work
      .of('checkpoint')
      .at(-1)
      ?.files.map((file) => file.path),
  ).toEqual(['one.txt', 'two.txt']);
});

test('a conversation continues after the server is killed during a turn, and nothing is reported twice', async () => {
  const work = await start();
  await work.message(`write before.txt: b\n${stall('crash')}\nsay at the end`);
  await untilSleeping();
  process.kill(fixture.rig.server.address?.pid as number, 'SIGKILL');
  const result = await work.frame('result');
  expect(result).toMatchObject({ status: 'completed', messages_done: 1 });
  expect(result.text).toContain('at the end');
  expect(work.warnings()).toEqual(['OpenCode was restarted; the conversation continues (1 of 3).']);
  const calls = work.of('tool').filter((tool) => tool.tool === 'write');
  expect(calls.map((tool) => tool.state)).toEqual(['pending', 'running', 'completed']);
  expect(sleepingTools()).toEqual([]);
});

test('a silent session ends the turn, and the same prompt continues when the lease is confirmed', async () => {
  const work = await start();
  await work.message(`${stall('quiet')}\nwrite after.txt: x`);
  await untilSleeping();
  work.work.quiet();
  await eventually(() => expect(sleepingTools()).toEqual([]));
  expect(work.of('result')).toEqual([]);
  work.work.alive();
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(
    work
      .of('checkpoint')
      .at(-1)
      ?.files.map((file) => file.path),
  ).toEqual(['after.txt']);
});

test('concurrent sessions do not see each other’s files', async () => {
  const pair = await Promise.all([start(), start()]);
  await Promise.all(pair.map((work, i) => work.message(`write only-${i}.txt: ${i}\nrun ls only-*`)));
  const results = await Promise.all(pair.map((work) => work.frame('result')));
  expect(results.map((result) => result.status)).toEqual(['completed', 'completed']);
  const files = pair.map((work) =>
    work
      .of('checkpoint')
      .at(-1)
      ?.files.map((file) => file.path),
  );
  expect(files).toEqual([['only-0.txt'], ['only-1.txt']]);
});

test('work starts in a directory of the repository at a commit, and a missing model or agent is refused', async () => {
  const inside = await start({ repository: { directory: 'not/there' } });
  expect(await inside.frame('released')).toMatchObject({ reason: 'refused' });
  const unknown = await start({ repository: { base_commit: 'deadbeef' } });
  expect((await unknown.frame('released')).message).toContain('no commit deadbeef');
  const foreign = await start({ agent_config: { model: 'nobody/nothing' } });
  expect((await foreign.frame('released')).message).toContain('no model nobody/nothing');
  const nobody = await start({ agent_config: { agent: 'nope' } });
  expect(await nobody.frame('released')).toMatchObject({
    reason: 'refused',
    message: expect.stringMatching(/no agent nope\. It has .*build/),
  });
});

test('the first note names the commit, and counts the uncommitted files of the clone that the session lacks', async () => {
  const files = ['one.txt', 'two.txt'].map((name) => join(fixture.project, name));
  const described = gitIn(fixture.project, 'log', '-1', '--format=%h %s');
  const firstNote = async () => (await (await start()).frame('agent.note')).text;
  try {
    expect(await firstNote()).toBe(`The work starts from commit ${described}.`);
    for (const [index, without] of ['1 uncommitted file', '2 uncommitted files'].entries()) {
      writeFileSync(files[index]!, 'not committed');
      expect(await firstNote()).toBe(`The work starts from commit ${described}, without ${without} of the clone.`);
    }
  } finally {
    for (const file of files) rmSync(file, { force: true });
  }
});

test('when the lease has ended, its worktree is gone', async () => {
  const work = await start();
  await work.message('write x.txt: x');
  await work.frame('result');
  expect(existsSync(join(work.worktree, 'x.txt'))).toBe(true);
  await work.end();
  expect(existsSync(work.worktree)).toBe(false);
});
