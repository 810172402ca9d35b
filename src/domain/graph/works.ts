/** Names the work of a task at one of its checkpoints. It never changes. */
export interface WorkName {
  task: number;
  checkpoint: number;
}

/** The works from which a work was made. */
type ParentsOf = (work: WorkName) => readonly WorkName[];

/** With what a task begins: the merged works, and those that become the parents of its own work. */
export interface StartingPoint {
  from: readonly WorkName[];
  parents: readonly WorkName[];
}

/**
 * The works that none of the others contains, in the order of their tasks' numbers. A work contains those from which it
 * was made, through any number of others.
 *
 * @example
 * // Task 3 was made from task 1, and task 2 stands alone.
 * lastWorks([one, two, three], parentsOf); // [two, three]
 */
export function lastWorks(works: readonly WorkName[], parentsOf: ParentsOf): WorkName[] {
  const contained = new Set<number>();
  const found = new Map(works.map((work) => [work.checkpoint, work] as const));
  const left = [...found.values()];
  for (let work = left.pop(); work; work = left.pop()) {
    for (const parent of parentsOf(work)) {
      if (contained.has(parent.checkpoint)) continue;
      contained.add(parent.checkpoint);
      left.push(parent);
    }
  }
  return [...found.values()]
    .filter(({ checkpoint }) => !contained.has(checkpoint))
    .map(({ task, checkpoint }) => ({ task, checkpoint }))
    .sort((a, b) => a.task - b.task || a.checkpoint - b.checkpoint);
}

/**
 * With what a task begins. The order in which earlier tasks have ended makes no difference.
 * @param own the task's own work, if it goes on with one
 * @param before the last works of the tasks before it
 * @param followed a work of the task from which others were made, if there is one. What the task makes now has it as a
 *   parent, so that a merge with those others also takes over what is not in it any more.
 *
 * @example
 * // The task goes on with its work. Without `followed`, what it makes now would replace that.
 * startingPoint(own, [], own, parentsOf); // { from: [own], parents: [own] }
 */
export function startingPoint(
  own: WorkName | null,
  before: readonly WorkName[],
  followed: WorkName | null,
  parentsOf: ParentsOf,
): StartingPoint {
  const { from, parents } = withoutFollowed(own, before, parentsOf);
  return { from, parents: followed === null ? parents : lastWorks([...parents, followed], parentsOf) };
}

function withoutFollowed(own: WorkName | null, before: readonly WorkName[], parentsOf: ParentsOf): StartingPoint {
  if (own === null) {
    const from = lastWorks(before, parentsOf);
    return { from, parents: from };
  }
  const from = lastWorks([...before, own], parentsOf);
  // Otherwise, an earlier task was done again, or was added, after the own work was begun.
  const isUpToDate = from.length === 1 && from[0]!.checkpoint === own.checkpoint;
  return isUpToDate ? { from, parents: parentsOf(own) } : { from, parents: from };
}

/**
 * Works with all those from which they were made, each after its parents; null if there are more than `max`. The order
 * follows from that of `works` and of the parents.
 */
export function historyOf(works: readonly WorkName[], parentsOf: ParentsOf, max: number): WorkName[] | null {
  const done = new Set<number>();
  const found: WorkName[] = [];
  const open = [...works].reverse().map((work) => ({ work, isExpanded: false }));
  for (let top = open.pop(); top; top = open.pop()) {
    const { work, isExpanded } = top;
    if (done.has(work.checkpoint)) continue;
    if (isExpanded) {
      if (found.length === max) return null;
      done.add(work.checkpoint);
      found.push(work);
      continue;
    }
    open.push({ work, isExpanded: true });
    for (const parent of [...parentsOf(work)].reverse()) open.push({ work: parent, isExpanded: false });
  }
  return found;
}
