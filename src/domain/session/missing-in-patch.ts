import type { SessionDiff } from '../../protocol/session/checkpoint.ts';

/** What of the work the patch of a session does not hold, one phrase each. */
export function missingInPatch({ local_only, lacks = [] }: Pick<SessionDiff, 'local_only' | 'lacks'>): string[] {
  const large = 'all changes, because they are too large: they are only on the machine of the agent that made them';
  return local_only ? [large, ...lacks] : [...lacks];
}
