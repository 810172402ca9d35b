import type { TaskView } from '../../../../src/protocol/session/task.ts';

/** A task, and how many others it is a part of. */
export interface OutlineEntry {
  task: TaskView;
  depth: number;
}

/** The tasks in the order of their creation, each followed by its subtasks. A task whose parent is not shown is at the top. */
export function outlineOf(tasks: readonly TaskView[]): OutlineEntry[] {
  const shown = new Set(tasks.map(({ id }) => id));
  const children = Map.groupBy(tasks, ({ parent_task_id }) =>
    parent_task_id !== null && shown.has(parent_task_id) ? parent_task_id : null,
  );
  const outline: OutlineEntry[] = [];
  const add = (parent: string | null, depth: number) => {
    for (const task of children.get(parent) ?? []) {
      outline.push({ task, depth });
      add(task.id, depth + 1);
    }
  };
  add(null, 0);
  return outline;
}
