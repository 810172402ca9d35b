/** Whether a person must approve a task before it starts: `closed` until somebody has; null if nobody must. */
export type Gate = 'closed' | 'open' | null;

interface Gated {
  parent: number | null;
  gate: Gate;
}

/**
 * The closed gate that keeps a task from its start; null if none does. The gate of a task with subtasks keeps all of
 * them, and the outermost one comes first.
 *
 * @example
 * const tasks = new Map([[1, { parent: null, gate: 'closed' }], [2, { parent: 1, gate: null }]]);
 * closedGateOf(2, (task) => tasks.get(task)); // 1
 */
export function closedGateOf(task: number, find: (task: number) => Gated | undefined): number | null {
  let closed: number | null = null;
  for (let at: number | null = task; at !== null; ) {
    const found: Gated | undefined = find(at);
    if (found?.gate === 'closed') closed = at;
    at = found?.parent ?? null;
  }
  return closed;
}
