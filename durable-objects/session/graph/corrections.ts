import { type Correction, correctionBy, correctionsOf, type Measured } from '../../../src/domain/graph/correction.ts';
import { type MeasuredTimes, meanOf, NOTHING_MEASURED } from '../../../src/domain/measured-times.ts';
import { EVERYTHING, type TimesByCapability } from '../../../src/ports/agent-registry.ts';
import type { SessionParts } from '../parts.ts';
import { readAssignment, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'details'>;

export const HOUR_MS = 3_600_000;

/**
 * Finds how to correct the estimates of a session's tasks: by what its finished tasks of the same kind took, those that
 * require the same capabilities, and by what other sessions of the workspace had measured when this one began.
 */
export function correctionOf({ records, details }: Needs): (task: TaskRow) => Correction {
  const required = details.requiredCapabilities();
  const ofSession = records.spec().required_capabilities;
  const kindOf = ({ number }: TaskRow) =>
    [...new Set([...ofSession, ...(required.get(number) ?? [])])].toSorted().join();
  const told = JSON.parse(records.session().times ?? '{}') as TimesByCapability;
  const earlier = (kind: string): MeasuredTimes =>
    meanOf((kind === '' ? [EVERYTHING] : kind.split(',')).map((one) => told[one] ?? NOTHING_MEASURED));
  const measured = records.tasks().flatMap((row): Measured[] => {
    const result = readAssignment(row)?.result;
    if (row.status !== 'completed' || row.hours === null || result?.status !== 'completed') return [];
    return [{ kind: kindOf(row), estimated: row.hours, actual: result.duration_ms / HOUR_MS }];
  });
  const corrections = correctionsOf(measured, earlier);
  return (task) => corrections.get(kindOf(task)) ?? correctionBy(earlier(kindOf(task)));
}
