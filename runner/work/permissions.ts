import type { PermissionRule } from '@opencode-ai/sdk/v2/client';
import type { AgentConfig } from '../../src/protocol/session/requests.ts';

/**
 * The rules of a session's conversation; of several that match, OpenCode takes the last.
 *
 * Where anything asks, `bash` asks too: a shell can do whatever another tool was to ask for, even answer its own
 * server. And `task` is denied unless the session names it: OpenCode hands a session's `deny` on to its sub-agents, but
 * not its `ask`, so a sub-agent would do unasked what its parent must ask for. Who names `task` beside an `ask` trusts
 * sub-agents with everything.
 */
export function permissionRules(permissions: AgentConfig['permissions']): PermissionRule[] {
  const rules = Object.entries(permissions ?? {}).flatMap(([permission, value]) =>
    typeof value === 'string'
      ? [{ permission, pattern: '*', action: value }]
      : Object.entries(value).map(([pattern, action]) => ({ permission, pattern, action })),
  );
  if (!rules.some((rule) => rule.action === 'ask')) return rules;
  const allowsAnyCommand = ({ permission, pattern, action }: PermissionRule) =>
    permission === 'bash' && /^[*?]+$/.test(pattern) && action === 'allow';
  return [
    { permission: 'bash', pattern: '*', action: 'ask' },
    { permission: 'task', pattern: '*', action: 'deny' },
    ...rules.filter((rule) => !allowsAnyCommand(rule)),
  ];
}
