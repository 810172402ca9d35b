import type { SessionParts } from './parts.ts';
import type { Change } from './transitions.ts';

/** Starts tasks again that have ended, with all their attempts. What their checks have said counts no more. */
export function startAgain(
  { records, details }: Pick<SessionParts, 'records' | 'details'>,
  tasks: readonly number[],
  change: Change,
): void {
  details.forgetChecks(tasks);
  for (const number of tasks) {
    records.updateTask(number, { attempts_used: 0, refused_by: '[]', handed_back: 0, started_at: null });
    change(number, { status: 'pending', setback: null, outcome: null, error: null, cause: null });
  }
}
