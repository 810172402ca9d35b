import { findCycle } from '../graph/cycle.ts';
import { after, buildGraph, type TaskGraph } from '../graph/task-graph.ts';

/** The members of parts that make their order. */
export interface Named {
  name: string;
  depends_on: readonly string[];
}

/** That a part is wrong, and where. */
export interface PartProblem {
  /** The index of the part. */
  index: number;
  member: 'name' | 'depends_on';
  message: string;
}

/**
 * What is wrong with the order of parts: names that are not unique, unknown ones, and parts that would wait for each
 * other. The last is only looked for if the names are right.
 */
export function problemsOf(parts: readonly Named[]): PartProblem[] {
  const first = new Map<string, number>();
  const problems: PartProblem[] = [];
  for (const [index, { name }] of parts.entries()) {
    if (first.has(name)) problems.push({ index, member: 'name', message: `“${name}” is the name of another part too` });
    else first.set(name, index);
  }
  for (const [index, { depends_on }] of parts.entries()) {
    for (const other of depends_on) {
      if (!first.has(other)) problems.push({ index, member: 'depends_on', message: `there is no part “${other}”` });
    }
  }
  if (problems.length > 0) return problems;
  const cycle = findCycle(graphOf(parts));
  if (cycle === null) return [];
  const names = cycle.map((number) => parts[number]!.name);
  return [{ index: cycle[0]!, member: 'depends_on', message: `parts would wait for each other: ${names.join(' → ')}` }];
}

/** The parts as a graph, whose tasks have their indexes as numbers. */
export function graphOf(parts: readonly Named[]): TaskGraph {
  const indexes = new Map(parts.map(({ name }, index) => [name, index]));
  return buildGraph(
    parts.map(({ depends_on }, number) => ({
      number,
      parent: null,
      depends_on: depends_on.map((name) => after(indexes.get(name)!)),
      priority: 'normal' as const,
      hours: 1,
    })),
  );
}
