import { isFinal } from '../src/domain/task-status.ts';
import type { SessionEvent } from '../src/protocol/events/envelope.ts';
import { renderTaskStatus } from './graph-lines.ts';
import { paint, printable } from './terminal.ts';

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>;
type GraphTask = EventOf<'graph.changed'>['data']['tasks'][number];

/** Of a graph in one event; the rest is counted. */
const SHOWN_TASKS = 20;

/** The tasks that the events of a session have named so far, and lines about them. */
export class RenderedTasks {
  readonly #tasks = new Map<number, GraphTask>();

  /** The task with its title. */
  name(number: number): string {
    const title = this.#tasks.get(number)?.title;
    return title === undefined ? `task ${number}` : `task ${number}: ${title}`;
  }

  /** Whether events have named the task, so that the session has several. */
  has(number: number): boolean {
    return this.#tasks.has(number);
  }

  /** Remembers the tasks of the event. @returns them, each after what it depends on */
  change({ data: { tasks, removed = [] } }: EventOf<'graph.changed'>): string[] {
    for (const number of removed) this.#tasks.delete(number);
    for (const task of tasks) this.#tasks.set(task.number, task);
    const more = tasks.length - SHOWN_TASKS;
    return [
      ...(removed.length > 0 ? [dim(`· removed: ${removed.map((number) => `task ${number}`).join(', ')}`)] : []),
      ...tasks.slice(0, SHOWN_TASKS).map((task) => dim(`· ${this.name(task.number)}${afterText(task)}`)),
      ...(more > 0 ? [dim(`· and ${more} more`)] : []),
    ];
  }

  /** How a task of several has ended, or that it cannot go on. A task with subtasks ends by itself, and is not shown. */
  status({ task, data: { to } }: EventOf<'task.status'>): string[] {
    const isShown = isFinal({ status: to }) || to === 'blocked';
    const isParent = [...this.#tasks.values()].some(({ parent }) => parent === task);
    if (!isShown || isParent || !this.has(task)) return [];
    return [`${dim('·')} ${renderTaskStatus(to)} ${dim(printable(this.name(task)))}`];
  }
}

function afterText({ depends_on }: GraphTask): string {
  const numbers = depends_on.map(({ task }) => task).sort((one, other) => one - other);
  return numbers.length === 0 ? '' : ` (after ${numbers.join(', ')})`;
}

function dim(text: string): string {
  return paint('dim', printable(text));
}
