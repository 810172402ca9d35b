import type { PermissionRule } from '@opencode-ai/sdk/v2/client';
import type { TaskKind } from '../../src/protocol/common/enums.ts';
import type { AgentConfig } from '../../src/protocol/session/requests.ts';

/**
 * The permission rules of a session's conversation. If several rules match, OpenCode applies the last one.
 *
 * If any permission is `ask`, two rules are added:
 * - `bash` asks too. A shell can do everything that the other tools ask for, and could even answer its own requests.
 * - `task` is denied, unless the session names it. OpenCode applies a session's `deny` to its sub-agents, but not its
 *   `ask`, so a sub-agent would do without asking what its parent must ask for. A session that names `task` beside an
 *   `ask` trusts its sub-agents with everything.
 *
 * A planner edits no files. What its commands change is discarded by the session.
 */
export function permissionRules(permissions: AgentConfig['permissions'], kind: TaskKind = 'work'): PermissionRule[] {
  const rules = rulesOf(permissions);
  return kind === 'plan' ? [...rules, { permission: 'edit', pattern: '*', action: 'deny' }] : rules;
}

function rulesOf(permissions: AgentConfig['permissions']): PermissionRule[] {
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
