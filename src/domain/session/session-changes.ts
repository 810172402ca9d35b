import { CheckMembers } from '../../protocol/session/checks.ts';
import { CreateSessionRequest, SessionChanges, type UpdateSessionRequest } from '../../protocol/session/requests.ts';
import { AgentChoice } from '../../protocol/session/requirements.ts';

type Json = Record<string, unknown>;

/**
 * The new values of the members that a request changes. `null` sets a member back to its default. In a merge patch
 * (RFC 7396), `metadata` changes only the members that it names, and removes those that are null; otherwise it is
 * replaced.
 * @returns the parsed changes, or zod's error if merged metadata is too long
 */
export function sessionChanges(before: { metadata: Json }, request: UpdateSessionRequest, isMergePatch: boolean) {
  const shape = CreateSessionRequest().shape;
  const defaults: Json = {
    ...{ priority: shape.priority.parse(undefined), tags: [], metadata: {}, allow_rebalance: false },
    ...{ max_parallel: shape.max_parallel.parse(undefined), on_conflict_risk: shape.on_conflict_risk.parse(undefined) },
    merge_strategy: shape.merge_strategy.parse(undefined),
    ...AgentChoice().parse({}),
    ...CheckMembers().parse({}),
  };
  const entries = Object.entries(request).map(([name, value]) => [name, value === null ? defaults[name] : value]);
  const changes = Object.fromEntries(entries) as SessionChanges;
  const metadata = isMergePatch && request.metadata ? merged(before.metadata, request.metadata) : changes.metadata;
  return SessionChanges().safeParse({ ...changes, ...(metadata && { metadata }) });
}

/** `fromEntries` defines its members, so a member named `__proto__` is an ordinary one. */
function merged(target: unknown, patch: Json): Json {
  const members = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, isObject(value) ? merged(members.get(name), value) : value);
  }
  return Object.fromEntries(members);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
