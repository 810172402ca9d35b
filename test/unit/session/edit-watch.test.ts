import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { type FakeAgent, released, result, tool } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, unwrap } from './harness.ts';

type NewTask = Partial<z.input<ReturnType<typeof CreateGraphRequest>>['tasks'][number]>;
const id = (number: number) => taskIdOf(SESSION_ID, number);
const edited = (path: string): AgentFrameBody => ({ type: 'file.edited', data: { path } });

/** A started session of tasks that run in parallel, from number 2 on, each with its agent. */
async function started(tasks: NewTask[], changes: Record<string, unknown> = {}) {
  const session = new SessionInProcess();
  await session.create(changes);
  const full = tasks.map((task, index) => ({ title: `Task ${index + 2}`, description: 'Do it', ...task }));
  unwrap(await session.runtime.createTasks(session.call(), CreateGraphRequest().parse({ tasks: full })));
  await session.act('start');
  const agents = tasks.map((_, index) => session.agentOf(index + 2).connect());
  return { session, agents: agents as [FakeAgent, ...FakeAgent[]] };
}

const risksOf = async (session: SessionInProcess, number: number) =>
  unwrap(await session.runtime.task(session.call(), id(number), false)).conflict_risk;
const eventsOf = async (session: SessionInProcess, type: string) =>
  (await session.events()).flatMap((event) => (event.type === type ? [[event.task, event.data]] : []));

describe('a file that two tasks edit at the same time', () => {
  it('is a risk of both from the second edit on, in the same commit', async () => {
    const { session, agents } = await started([{}, {}, {}]);
    agents[0].send(edited('src/list.ts'), edited('src/own.ts'));
    expect(await risksOf(session, 2)).toEqual([]);
    agents[1]!.send(edited('src/list.ts'));
    expect(await risksOf(session, 2)).toEqual([{ path: 'src/list.ts', with_task_id: id(3) }]);
    expect(await risksOf(session, 3)).toEqual([{ path: 'src/list.ts', with_task_id: id(2) }]);
    expect(await risksOf(session, 4)).toEqual([]);
    expect(await eventsOf(session, 'task.conflict_risk')).toEqual([
      [3, { path: 'src/list.ts', with_task: 2, title: 'Task 2' }],
      [2, { path: 'src/list.ts', with_task: 3, title: 'Task 3' }],
    ]);
    expect(
      agents[1]!.commandsOf('message').map(({ number }) => number),
      'nobody is disturbed',
    ).toHaveLength(1);
    const notes = (await session.folded()).transcript.filter((item) => item.kind === 'note');
    expect(notes.map(({ task }) => task)).toEqual([3, 2]);
  });

  it('is reported once, however often it is edited, also after an eviction', async () => {
    const { session, agents } = await started([{}, {}]);
    agents[0].send(edited('a'));
    session.evict();
    agents[1]!.send(edited('a'), edited('a'));
    session.evict();
    agents[0].send(edited('a'));
    expect(await eventsOf(session, 'task.conflict_risk')).toHaveLength(2);
  });

  it('is a risk no longer when one of the tasks has ended', async () => {
    const { session, agents } = await started([{}, {}]);
    agents[0].send(edited('a'));
    agents[1]!.send(edited('a'), result(99));
    expect(await risksOf(session, 2)).toEqual([]);
    expect(session.rows<{ edited: string }>('tasks').map((row) => row.edited)).toEqual(['[]', '["a"]', '[]']);
    await session.act('cancel');
    expect(session.rows<{ edited: string }>('tasks').map((row) => row.edited)).toEqual(['[]', '[]', '[]']);
    agents[0].send(edited('b'));
    expect(session.task(2).edited).toBe('[]');
  });

  it('stays a risk while a task waits for its next agent, which continues its work', async () => {
    const { session, agents } = await started([{}, {}]);
    agents[0].send(edited('a'), released('shutdown'));
    agents[1]!.send(edited('a'));
    expect(await risksOf(session, 2)).toHaveLength(1);
  });

  it('costs a session of one task nothing', async () => {
    const session = new SessionInProcess();
    (await session.begun()).send(edited('a'));
    expect(session.task(1).edited).toBe('[]');
  });

  it('is known of so many files of a task only', async () => {
    const { session, agents } = await started([{}, {}]);
    agents[0].send(...Array.from({ length: 600 }, (_, index) => edited(`f${index}`)));
    agents[1]!.send(edited('f499'), edited('f599'));
    expect(await risksOf(session, 3)).toEqual([{ path: 'f499', with_task_id: id(2) }]);
  });
});

describe('a session with on_conflict_risk: steer', () => {
  const STEER = { on_conflict_risk: 'steer' };

  it('tells the later agent what the other one has written there', async () => {
    const { session, agents } = await started([{}, {}], STEER);
    const input = { filePath: '/work/tree/src/list.ts', oldString: 'a', newString: 'the new line' };
    agents[0].send(tool({ tool: 'edit', state: 'completed', input }), edited('src/list.ts'));
    agents[1]!.send(edited('src/list.ts'));
    const [, told] = agents[1]!.commandsOf('message');
    expect(told).toMatchObject({ delivery: 'steer' });
    expect(told!.text).toContain('“Task 2”');
    expect(told!.text).toContain('`src/list.ts`');
    expect(told!.text).toContain('the new line');
    expect(agents[0].commandsOf('message')).toHaveLength(1);
    agents[1]!.send(result(told!.number - 1));
    expect(session.task(3).status, 'it goes on with the message').toBe('in_progress');
  });

  it('shows the beginning of a long change, and cuts no character in two', async () => {
    const { agents } = await started([{}, {}], STEER);
    const input = { filePath: '/work/tree/a', newString: `.${'🙂'.repeat(2_000)}` };
    agents[0].send(tool({ tool: 'edit', state: 'completed', input }), edited('a'));
    agents[1]!.send(edited('a'));
    const told = agents[1]!.commandsOf('message')[1]!.text;
    expect(told).toContain('🙂🙂');
    expect(told, 'half a character is stored as the sign for none').not.toContain('\ufffd');
  });

  it('tells it of the file when the change is not known, and of ten files at most', async () => {
    const { agents } = await started([{}, {}], STEER);
    const files = Array.from({ length: 12 }, (_, index) => edited(`f${index}`));
    agents[0].send(...files);
    agents[1]!.send(...files);
    const told = agents[1]!.commandsOf('message').slice(1);
    expect(told).toHaveLength(10);
    expect(told[0]!.text).not.toContain('has written there');
  });
});

describe('a task with paths', () => {
  it('notes each file once that its agent edits outside of them', async () => {
    const { session, agents } = await started([{ paths: ['src/**/*.ts', 'docs/'] }, {}]);
    agents[0].send(edited('src/a/b.ts'), edited('docs/x.md'), edited('package.json'), edited('package.json'));
    agents[1]!.send(edited('anything'));
    expect(await eventsOf(session, 'task.strayed')).toEqual([[2, { path: 'package.json' }]]);
    const [note] = (await session.folded()).transcript.filter((item) => item.kind === 'note');
    expect(note).toMatchObject({ task: 2, level: 'warning', text: expect.stringContaining('package.json') });
    expect(unwrap(await session.runtime.task(session.call(), id(2), false)).paths).toEqual(['src/**/*.ts', 'docs/']);
  });

  it('takes only globs inside the repository', () => {
    const parse = (paths: string[]) =>
      CreateGraphRequest().safeParse({ tasks: [{ title: 'Title', description: 'Do it', paths }] }).success;
    expect(parse(['src/*'])).toBe(true);
    for (const glob of ['/etc/*', '../x', 'a/../../x', '', 'x'.repeat(201)]) expect(parse([glob]), glob).toBe(false);
    expect(parse(Array(51).fill('a'))).toBe(false);
  });
});
