import type { SessionDiff } from '../../protocol/session/checkpoint.ts';

/** Lists the parts of a session's work that its patch does not contain, one phrase each. */
export function missingInPatch({ local_only, lacks = [] }: Pick<SessionDiff, 'local_only' | 'lacks'>): string[] {
  const large = 'all changes: they are too large, and exist only on the machine of the agent that made them';
  return local_only ? [large, ...lacks] : [...lacks];
}
