import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { graphLines } from '../../../cli/graph-lines.ts';
import { DependencyType, TaskStatus } from '../../../src/protocol/common/enums.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { SessionInProcess, unwrap } from './harness.ts';

const GUIDE = readFileSync('docs/graphs.md', 'utf8');

/** The first block of a language in the guide. */
function block(language: string): string {
  const [, text] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(GUIDE) ?? [];
  if (text === undefined) throw new Error(`docs/graphs.md has no block in ${language}`);
  return text.trimEnd();
}

let session: SessionInProcess;
beforeAll(async () => {
  session = new SessionInProcess();
  await session.create({ title: 'Orders', max_parallel: 2 });
  const request = CreateGraphRequest().parse(JSON.parse(block('json')));
  unwrap(await session.runtime.createTasks(session.call(), request));
});

it('the graph of the guide is accepted, and prints what the guide shows', async () => {
  const graph = unwrap(await session.runtime.graph(session.call()));
  const { tasks = [] } = await session.view();
  expect(graphLines(graph, tasks).map(stripVTControlCharacters).join('\n')).toBe(block('text'));
});

it('another agent ends the graph of the guide as much earlier as the guide says', async () => {
  const hours = async (agents: number) => {
    const { at, predicted_finish_at } = unwrap(await session.runtime.graph(session.call(), agents));
    return (Date.parse(predicted_finish_at) - Date.parse(at)) / 3_600_000;
  };
  const [one, two, three] = [await hours(1), await hours(2), await hours(3)];
  expect(GUIDE).toContain(`one agent needs ${one} hours, two need ${two}, and three need ${three}`);
});

it.each([...TaskStatus().options, ...DependencyType().options])('the guide explains %s', (word) => {
  expect(GUIDE).toContain(`| \`${word}\` |`);
});
