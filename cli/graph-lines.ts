import { spellDuration } from '../src/domain/duration.ts';
import type { TaskStatus } from '../src/protocol/common/enums.ts';
import { taskNumber } from '../src/protocol/common/ids.ts';
import type { SessionGraph, TaskView } from '../src/protocol/session/task.ts';
import { paint, printable } from './terminal.ts';

const FORMAT: Readonly<Record<TaskStatus, Parameters<typeof paint>[0]>> = {
  pending: 'dim',
  ready: 'dim',
  assigned: 'cyan',
  in_progress: 'cyan',
  blocked: 'yellow',
  paused: 'yellow',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  skipped: 'yellow',
};

/** A status of a task in its color. */
export function renderTaskStatus(status: TaskStatus): string {
  return paint(FORMAT[status], status);
}

type Node = SessionGraph['nodes'][number];

/** A graph as lines: its levels one after the other, each with its tasks, and what is expected of the whole. */
export function graphLines(graph: SessionGraph, tasks: readonly TaskView[]): string[] {
  const nodes = new Map(graph.nodes.map((node) => [node.task_id, node]));
  const views = new Map(tasks.map((task) => [task.id, task]));
  const critical = new Set(graph.critical_path);
  const parents = new Set(graph.nodes.map(({ parent_task_id }) => parent_task_id));
  const before = new Map<string, number[]>();
  for (const { task_id, dependent_task_id } of graph.edges) {
    before.set(dependent_task_id, [...(before.get(dependent_task_id) ?? []), taskNumber(task_id)]);
  }
  const line = (node: Node) => {
    const view = views.get(node.task_id);
    const details = [
      view?.agent_name ?? '',
      after(before.get(node.task_id)),
      node.parent_task_id === null ? '' : `part of ${taskNumber(node.parent_task_id)}`,
      parents.has(node.task_id) ? '' : finish(node, graph.at),
      view?.blocked_by?.message ?? '',
    ].filter(Boolean);
    const sign = critical.has(node.task_id) ? paint('bold', '*') : ' ';
    const title = `${taskNumber(node.task_id)} ${printable(node.title)}`;
    return `  ${sign} ${title}  ${renderTaskStatus(node.status)}  ${paint('dim', printable(details.join(', ')))}`.trimEnd();
  };
  const levels = graph.levels.flatMap((ids, level) => [
    paint('dim', `level ${level}`),
    ...ids.map((id) => line(nodes.get(id)!)),
  ]);
  return [...levels, '', ...summary(graph)];
}

function summary({ critical_path, critical_path_hours, predicted_finish_at, agents, at }: SessionGraph): string[] {
  if (critical_path.length === 0) return ['All tasks have ended.'];
  const path = critical_path.map(taskNumber).join(' → ');
  const left = Date.parse(predicted_finish_at) - Date.parse(at);
  return [
    `* critical path: ${path} (${critical_path_hours.toFixed(1)} h)`,
    `  expected to end in ${spellDuration(left)} with ${agents === 1 ? '1 agent' : `${agents} agents`} at a time`,
  ];
}

function after(numbers: readonly number[] | undefined): string {
  return numbers ? `after ${numbers.toSorted((one, other) => one - other).join(', ')}` : '';
}

/** When an unfinished task is expected to end, and how much later it may. */
function finish({ status, predicted_finish_at, slack_hours }: Node, at: string): string {
  if (['completed', 'failed', 'cancelled', 'skipped'].includes(status)) return '';
  const left = spellDuration(Math.max(0, Date.parse(predicted_finish_at) - Date.parse(at)));
  return slack_hours > 0 ? `ends in ${left}, slack ${slack_hours.toFixed(1)} h` : `ends in ${left}`;
}
