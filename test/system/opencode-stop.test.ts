import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startAwkwardModel } from '../support/awkward-model.ts';
import { eventually } from '../support/eventually.ts';
import { artifactsOf, nextAssignment, type WorkRig, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile({ startModel: startAwkwardModel });

/** Longer than any test waits: only the agent's own judgement ends the step before. */
const NEVER_MS = 600_000;

const says = (text: string) => async (work: WorkRig) => {
  await eventually(() => expect(work.text()).toContain(text));
};
const made = (file: string) => (work: WorkRig) =>
  eventually(() => expect(existsSync(join(work.worktree, file))).toBe(true));

/** Steps that do not end by themselves: the prompt, and how the test knows that the step has come so far. */
const STUCK: Record<string, [prompt: string, reached: (work: WorkRig) => Promise<unknown>]> = {
  'a provider that asks for a wait': ['awkward rate_limit_minutes', (work) => work.frame('model.retry')],
  'a compaction': ['awkward slow_summary', says('summary')],
  'a model that stops in the middle of its answer': ['awkward stalled', says('One word')],
  'a model that never answers': ['write asked.txt: x\nhang', made('asked.txt')],
  'a model that is asked again and again': ['awkward no_finish', (work) => work.frame('usage', 5)],
  'a tool that ignores signals': [
    `run trap "" TERM INT HUP; touch begun.txt; while true; do sleep 1; done`,
    made('begun.txt'),
  ],
  'a question that nobody answers': ['question Which? a | b', (work) => work.frame('approval.asked')],
  'a sub-agent whose tool hangs': ['task run touch begun.txt; sleep 3000', made('begun.txt')],
};

const situations = Object.keys(STUCK).flatMap((name) => [[name, 'pause'] as const, [name, 'stop'] as const]);

test.for(situations)('%s does not hold up a %s, and the work is kept', async ([name, action]) => {
  const [prompt, reached] = STUCK[name]!;
  const work = await fixture.start();
  await work.message('write before.txt: work');
  await work.frame('result');
  await work.message(prompt);
  await reached(work);
  await work.work.command({ type: action, data: { within_ms: NEVER_MS } });
  expect(await work.frame('released')).toMatchObject({ reason: action === 'pause' ? 'paused' : 'stopped' });
  const { messages_done, files } = work.of('checkpoint').at(-1)!;
  expect(messages_done).toBe(1);
  expect(files.map(({ path }) => path)).toContain('before.txt');
});

test.for([
  ['rate_limit_minutes', (work: WorkRig) => work.frame('model.retry')],
  ['slow_summary', says('summary')],
] as const)('%s: a session that was paused in it goes on when it is resumed', async ([name, reached]) => {
  const work = await fixture.start();
  const prompt = `awkward ${name}`;
  await work.message(prompt);
  await reached(work);
  await work.work.command({ type: 'pause', data: { within_ms: NEVER_MS } });
  await work.frame('released');
  const resumed = await fixture.start(nextAssignment(work.assignment, work.frames), artifactsOf(work.frames));
  await resumed.message(prompt);
  const result = await resumed.frame('result');
  expect(result.status).toBe('completed');
  expect(result.text).toContain('recovered');
});
