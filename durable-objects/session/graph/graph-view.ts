import type { Correction } from '../../../src/domain/graph/correction.ts';
import { criticalPath, levelsOf, slackOf, timingOf } from '../../../src/domain/graph/critical-path.ts';
import { UNESTIMATED_HOURS } from '../../../src/domain/graph/estimate.ts';
import { predict, type Span } from '../../../src/domain/graph/schedule.ts';
import { isHeld, isWorkedOn } from '../../../src/domain/session/session-status.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { SessionGraph } from '../../../src/protocol/session/task.ts';
import { instant, instantOrNull } from '../../kit/text.ts';
import type { SessionParts } from '../parts.ts';
import { dependenciesOf, type TaskRow } from '../rows.ts';
import { correctionOf, HOUR_MS } from './corrections.ts';

type Needs = Pick<SessionParts, 'kit' | 'records' | 'details' | 'graph'>;

/**
 * The graph of a session's tasks with its critical path, and when each task is expected to start and to end.
 * @param agents how many work at a time
 */
export function graphView(parts: Needs, agents: number): SessionGraph {
  const { kit, records, graph } = parts;
  const { id, graph_version } = records.session();
  const { tasks } = graph;
  const rows = records.tasks();
  const now = kit.store.platform.now();
  const rowOf = (number: number) => records.task(number)!;
  const idOf = (number: number) => taskIdOf(id, number);
  const after = (hours: number) => instant(now + hours * HOUR_MS);
  const correction = correctionOf(parts);
  const remaining = (number: number) =>
    graph.isParent(number) ? 0 : remainingHours(rowOf(number), correction(rowOf(number)), now);
  const timing = timingOf(tasks, remaining);
  const spans = predict(tasks, { agents, remaining, isUnderWay: (number) => isWorkedOn(rowOf(number)) });
  const levels = levelsOf(tasks);
  const nodes = rows.map((row) => ({
    task_id: idOf(row.number),
    title: row.title,
    status: row.status,
    parent_task_id: row.parent === null ? null : idOf(row.parent),
    level: levels.get(row.number)!,
    ...estimateOf(row, correction(row)),
    slack_hours: isFinal(row) ? 0 : slackOf(tasks, timing, row.number, remaining),
    ...timesOf(row, spans.get(row.number)!, after),
  }));
  return {
    graph_version,
    at: instant(now),
    agents,
    nodes,
    edges: rows.flatMap((row) =>
      dependenciesOf(row).map(({ task, ...how }) => ({
        task_id: idOf(task),
        dependent_task_id: idOf(row.number),
        ...how,
      })),
    ),
    levels: byLevel(nodes),
    critical_path: criticalPath(tasks, timing, remaining).map(idOf),
    critical_path_hours: timing.total,
    predicted_finish_at: after([...spans.values()].reduce((last, { end }) => Math.max(last, end), 0)),
  };
}

/** The hours of work that remain of a task without subtasks. */
function remainingHours(row: TaskRow, { factor }: Correction, now: number): number {
  if (isFinal(row) || isHeld(row)) return 0;
  const hours = row.hours === null ? UNESTIMATED_HOURS : row.hours * factor;
  if (!isWorkedOn(row) || row.started_at === null) return hours;
  return Math.max(0, hours - (now - row.started_at) / HOUR_MS);
}

function estimateOf({ hours }: TaskRow, { factor, confidence }: Correction) {
  return { estimated_hours: hours, corrected_hours: hours === null ? null : hours * factor, confidence };
}

/** The times that a task has had, otherwise those that are predicted. */
function timesOf(row: TaskRow, span: Span, after: (hours: number) => string) {
  const started = row.started_at ?? (isFinal(row) ? row.ended_at : null);
  return {
    predicted_start_at: instantOrNull(started) ?? after(span.start),
    predicted_finish_at: instantOrNull(row.ended_at) ?? after(span.end),
  };
}

function byLevel(nodes: readonly { level: number; task_id: string }[]): string[][] {
  const levels: string[][] = [];
  for (const { level, task_id } of nodes) {
    while (levels.length <= level) levels.push([]);
    levels[level]!.push(task_id);
  }
  return levels;
}
