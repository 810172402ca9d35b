import { contextAddress, MAIN, taskOfContext } from '../../protocol/context/address.ts';
import type { Context } from '../../protocol/context/context.ts';

/**
 * Which context something comes from, in words.
 *
 * @param sessionId the session that is looked at
 * @example sourceText({ scope: 'session', session_id: '0198…', agent_id: null, name: 'task-2' }, '0198…') // 'task 2'
 */
export function sourceText(
  owner: Pick<Context, 'scope' | 'session_id' | 'agent_id' | 'name'>,
  sessionId: string,
): string {
  if (owner.scope !== 'session' || owner.session_id !== sessionId) {
    return contextAddress(owner) ?? 'a temporary context';
  }
  const task = taskOfContext(owner.name);
  if (task !== null) return `task ${task}`;
  return owner.name === MAIN ? 'this session' : `the context ${owner.name}`;
}
