import { MAIN } from '../../protocol/context/address.ts';
import type { Context } from '../../protocol/context/context.ts';

/** The context in which a runner keeps the refused values of a task. */
const OF_TASK = /^task-(\d+)$/;

/**
 * Which context something comes from, in words.
 *
 * @param sessionId the session that is looked at
 * @example sourceText({ scope: 'session', session_id: '0198…', agent_id: null, name: 'task-2' }, '0198…') // 'task 2'
 */
export function sourceText(
  { scope, session_id, agent_id, name }: Pick<Context, 'scope' | 'session_id' | 'agent_id' | 'name'>,
  sessionId: string,
): string {
  const isOwn = session_id === sessionId;
  const [, task] = (isOwn && OF_TASK.exec(name)) || [];
  if (task !== undefined) return `task ${task}`;
  const owner = isOwn ? 'this session' : [scope, session_id ?? agent_id].filter((part) => part !== null).join('.');
  return name === MAIN ? owner : isOwn ? `the context ${name}` : `${owner}.${name}`;
}
