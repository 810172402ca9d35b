import { decompositionText } from '../../../../src/domain/session/decomposition-text.ts';
import type { SessionState } from '../../../../src/domain/session/session-state.ts';
import type { TranscriptItem } from '../../../../src/domain/session/transcript.ts';
import { isFinal } from '../../../../src/domain/task-status.ts';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { DependencyType, TaskKind } from '../../../../src/protocol/common/enums.ts';
import type { TaskDependency, TaskView } from '../../../../src/protocol/session/task.ts';
import { duration } from '../../ui/format.ts';

/** What is known of a task, in words. Pure functions. */

/** What a task does that a person has not written. */
const KINDS: Record<TaskKind, string | null> = {
  work: null,
  plan: 'makes a plan',
  integrate: 'merges the work',
  resolve: 'resolves a conflict',
  deliver: 'delivers the work',
};

/** How a task depends on another one. */
const DEPENDENCIES: Record<DependencyType, (other: string) => string> = {
  finish_to_start: (other) => other,
  start_to_start: (other) => `the start of ${other}`,
  finish_to_finish: (other) => `ends after ${other}`,
  start_to_finish: (other) => `ends after the start of ${other}`,
};

/** Of a long list; the rest is counted. */
const MAX_NAMED = 4;
/** The newest remarks that the list of tasks shows of each. */
const MAX_REMARKS = 3;

export type TitleOf = (id: string) => string;

/** Who works or has worked on the task, how long it took, and what was estimated. */
export function factsOf(task: TaskView): string[] {
  const { kind, attempt, estimated_hours, started_at, ended_at } = task;
  const agent = task.agent_name ?? task.last_assignment?.agent_name ?? null;
  const seconds = started_at && ended_at ? (Date.parse(ended_at) - Date.parse(started_at)) / 1_000 : null;
  return [
    KINDS[kind],
    agent === null ? null : visible(agent),
    attempt > 1 ? `attempt ${attempt}` : null,
    seconds === null ? null : `took ${duration(seconds)}`,
    estimated_hours === null ? null : `estimated ${estimated_hours.toFixed(1)} h`,
  ].filter((fact) => fact !== null);
}

/** What the task comes after; null if it depends on nothing. */
export function afterText({ depends_on }: TaskView, titleOf: TitleOf): string | null {
  if (depends_on.length === 0) return null;
  return `After ${listed(depends_on.map((dependency) => dependencyText(dependency, titleOf)))}.`;
}

function dependencyText({ task_id, dependency_type, is_required }: TaskDependency, titleOf: TitleOf): string {
  const text = DEPENDENCIES[dependency_type](quoted(titleOf(task_id)));
  return is_required ? text : `${text} (not required)`;
}

/** Why the task does not go on; null if it does, or if what it comes after says so already. */
export function waitText(task: TaskView, titleOf: TitleOf): string | null {
  const { status, waiting_on, caused_by, blocked_by, depends_on } = task;
  if (caused_by !== null) return `Not done, because of ${quoted(titleOf(caused_by))}.`;
  if (blocked_by !== null) return visible(blocked_by.message);
  if (waiting_on.length === 0 || isFinal({ status })) return null;
  const others = listed(waiting_on.map((id) => quoted(titleOf(id))));
  if (status === 'in_progress') return `Its work is done. It waits for ${others}.`;
  const waitsForAll = depends_on.every(({ task_id }) => waiting_on.includes(task_id));
  return waitsForAll && waiting_on.length === depends_on.length ? null : `Waits for ${others}.`;
}

function quoted(title: string): string {
  return `“${visible(title)}”`;
}

function listed(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMED;
  return more > 1 ? `${texts.slice(0, MAX_NAMED).join(', ')} and ${more} more` : texts.join(', ');
}

type CheckItem = Extract<TranscriptItem, { kind: 'check' }>;

/** What the log says of one task. */
export interface TaskLog {
  /** Its checks in their newest round. */
  checks: CheckItem[];
  /** Its newest warnings and errors, such as a conflict, a file that another task edits too, or one that it should not edit. */
  remarks: string[];
  /** How far it is split into parts. */
  split: string | null;
}

/** What the log says of each task, by number. */
export function taskLogs({ transcript, tasks }: SessionState): Map<number, TaskLog> {
  const items = Map.groupBy(transcript, ({ task }) => task);
  return new Map(
    Object.entries(tasks).map(([number, { decomposition }]) => {
      const own = items.get(Number(number)) ?? [];
      const split = decomposition === undefined ? null : decompositionText(decomposition);
      return [Number(number), { checks: newestRound(own), remarks: remarksIn(own, split), split }];
    }),
  );
}

/** The checks of one task in their newest round. */
export function newestRound(items: readonly TranscriptItem[]): CheckItem[] {
  const checks = items.filter((item) => item.kind === 'check');
  const newest = checks.at(-1)?.round;
  return checks.filter(({ round }) => round === newest);
}

function remarksIn(items: readonly TranscriptItem[], split: string | null): string[] {
  const texts = items.flatMap((item) => (item.kind === 'note' && item.level !== 'info' ? [item.text] : []));
  return [...new Set(texts)].filter((text) => text !== split).slice(-MAX_REMARKS);
}
