import type { Client } from '../../../src/client/client.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import type { SessionView } from '../../../src/protocol/session/session.ts';
import type { TaskView } from '../../../src/protocol/session/task.ts';
import { eventually } from '../../support/eventually.ts';

/** The work of several tasks takes a while, and a machine may be busy with others. */
const LIMIT_MS = 200_000;

type NewSession = Parameters<Client['sessions']['create']>[0];
type NewTasks = Parameters<Client['tasks']['createGraph']>[1]['tasks'];

/** Starts a session with these tasks; its own prompt is part of no task's. @returns its id */
export async function startGraph(client: Client, tasks: NewTasks, members: Partial<NewSession> = {}): Promise<string> {
  const { id } = await client.sessions.create({ title: 'Several tasks', initial_prompt: 'Do all of it.', ...members });
  await client.tasks.createGraph(id, { tasks });
  await client.sessions.act(id, 'start');
  return id;
}

/** Resolves with a session and its tasks when it has ended. */
export function whenEnded(client: Client, id: string): Promise<SessionView & { tasks: TaskView[] }> {
  return eventually(async () => {
    const session = await client.sessions.get(id, ['tasks']);
    const { tasks, ended_at } = session;
    if (ended_at === null || !tasks) throw new Error(`not yet: ${JSON.stringify(session)}`);
    return { ...session, tasks };
  }, LIMIT_MS);
}

/** What the tools of a task have printed, in order. @param task its number */
export function outputsOf(log: readonly SessionEvent[], task: number): string[] {
  return log.flatMap((event) =>
    event.type === 'tool' && event.task === task && event.data.output ? [event.data.output] : [],
  );
}

/** The agents that have had a lease of a task, in order. @param task its number */
export function agentsOf(log: readonly SessionEvent[], task: number): string[] {
  return log.flatMap((event) => (event.type === 'lease.granted' && event.task === task ? [event.data.agent_id] : []));
}
