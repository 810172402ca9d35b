import { type Correction, correctionsOf, type Measured, NO_CORRECTION } from '../../../src/domain/graph/correction.ts';
import type { SessionParts } from '../parts.ts';
import { readAssignment, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'details'>;

const HOUR_MS = 3_600_000;

/**
 * Finds how to correct the estimates of a session's tasks, by what its finished tasks of the same kind took: those that
 * require the same capabilities.
 */
export function correctionOf({ records, details }: Needs): (task: TaskRow) => Correction {
  const required = details.requiredCapabilities();
  const kindOf = ({ number }: TaskRow) => (required.get(number) ?? []).toSorted().join();
  const measured = records.tasks().flatMap((row): Measured[] => {
    const result = readAssignment(row)?.result;
    if (row.status !== 'completed' || row.hours === null || result?.status !== 'completed') return [];
    return [{ kind: kindOf(row), estimated: row.hours, actual: result.duration_ms / HOUR_MS }];
  });
  const corrections = correctionsOf(measured);
  return (task) => corrections.get(kindOf(task)) ?? NO_CORRECTION;
}
