import { taskNumber } from '../../protocol/common/task-number.ts';
import type { ContextWriter } from '../../protocol/context/context.ts';

/** How many characters of an id people see. */
const SHOWN = 8;
/** The `token_id` of the token from the environment. */
const STATIC = 'static';

/**
 * Who has written a version of a context, in words.
 *
 * @param agents the names of agents by their ids
 * @example writerText({ token_id: 'static', agent_id: null, task_id: null, epoch: null }, new Map()) // 'the admin token'
 */
export function writerText(
  { token_id, agent_id, task_id, epoch }: ContextWriter,
  agents: ReadonlyMap<string, string>,
): string {
  const who = agent_id === null ? tokenText(token_id) : (agents.get(agent_id) ?? `agent ${agent_id.slice(0, SHOWN)}`);
  return task_id === null ? who : `${who}, task ${taskNumber(task_id)}, epoch ${epoch}`;
}

/** Who has changed a place: `by` is an agent, or the id of a token. */
export function placeWriterText(by: string, agents: ReadonlyMap<string, string>): string {
  return agents.get(by) ?? tokenText(by);
}

function tokenText(id: string): string {
  return id === STATIC ? 'the admin token' : `token ${id.slice(0, SHOWN)}`;
}
