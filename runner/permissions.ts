import type { PermissionRule } from '@opencode-ai/sdk/v2/client';
import type { AgentConfig } from '../src/protocol/session.ts';

/**
 * The rules of a session's conversation; of several that match, OpenCode takes the last. Where anything asks, `bash`
 * asks too: a shell can do whatever another tool was to ask for, even answer its own server.
 */
export function permissionRules(permissions: AgentConfig['permissions']): PermissionRule[] {
  const rules = Object.entries(permissions ?? {}).flatMap(([permission, value]) =>
    typeof value === 'string'
      ? [{ permission, pattern: '*', action: value }]
      : Object.entries(value).map(([pattern, action]) => ({ permission, pattern, action })),
  );
  if (!rules.some((rule) => rule.action === 'ask')) return rules;
  const allowsAnyCommand = (rule: PermissionRule) =>
    rule.permission === 'bash' && rule.pattern === '*' && rule.action === 'allow';
  return [{ permission: 'bash', pattern: '*', action: 'ask' }, ...rules.filter((rule) => !allowsAnyCommand(rule))];
}
