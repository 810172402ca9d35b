import { bfsFromNode } from 'graphology-traversal';
import type { Event } from './event-graph.ts';
import type { TaskGraph } from './task-graph.ts';

/** The tasks of which a task is a part, the nearest first. */
export function ancestorsOf({ tasks }: Pick<TaskGraph, 'tasks'>, task: number): number[] {
  const found: number[] = [];
  for (let at = tasks.get(task)?.parent ?? null; at !== null; at = tasks.get(at)?.parent ?? null) found.push(at);
  return found;
}

/** A task with its subtasks, and theirs. */
export function familyOf({ children }: Pick<TaskGraph, 'children'>, task: number): number[] {
  const found = [task];
  for (const member of found) found.push(...(children.get(member) ?? []));
  return found;
}

/** The tasks that come after the end of a task, through any number of others. Those that it is a part of do not count. */
export function tasksAfter(graph: TaskGraph, task: number): number[] {
  return reached(graph, task, graph.events.endOf(task), 'outbound');
}

/**
 * The tasks without subtasks whose ends must come before the start of a task. Unlike those that only start before it,
 * they have all ended when it starts, whatever the order in which tasks are done.
 */
export function tasksEndedBefore({ events, children }: TaskGraph, task: number): number[] {
  const found: number[] = [];
  const visit = (_event: Event, { task: before, isStart }: { task: number; isStart: boolean }) => {
    if (!isStart && !children.has(before)) found.push(before);
  };
  bfsFromNode(events, events.startOf(task), visit, { mode: 'inbound' });
  return found.sort((a, b) => a - b);
}

/** The tasks that come before the start of a task, through any number of others. Those that it is a part of do not count. */
export function tasksBefore(graph: TaskGraph, task: number): number[] {
  return reached(graph, task, graph.events.startOf(task), 'inbound');
}

function reached(graph: TaskGraph, task: number, from: Event, mode: 'outbound' | 'inbound'): number[] {
  const found = new Set<number>();
  bfsFromNode(graph.events, from, (_event, { task: reachedTask }) => void found.add(reachedTask), { mode });
  for (const own of [task, ...ancestorsOf(graph, task)]) found.delete(own);
  return [...found].sort((a, b) => a - b);
}
