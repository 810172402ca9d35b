import { Plan, type PlannedTask } from '../../protocol/session/decomposition.ts';
import { globsOverlap } from '../glob-overlap.ts';
import { tasksAfter } from '../graph/reach.ts';
import { graphOf, problemsOf } from './check-parts.ts';
import { around, type Part, type Subject, share } from './parts.ts';

/** A plan that an agent has proposed, or everything that is wrong with it, in words for the agent. */
export type ReadPlan = { ok: true; tasks: PlannedTask[] } | { ok: false; problems: string[] };

/** The most problems that an agent is told at a time. */
const MAX_PROBLEMS = 20;

/** Reads the plan in an agent's answer. Text around the JSON, such as a fence, does not matter. */
export function readPlan(answer: string): ReadPlan {
  const json = jsonIn(answer);
  if (json === undefined) return { ok: false, problems: ['The answer has no JSON object.'] };
  const plan = Plan().safeParse(json);
  if (!plan.success) {
    return failed(plan.error.issues.map(({ path, message }) => `${path.join('.') || 'the plan'}: ${message}`));
  }
  const { tasks } = plan.data;
  const problems = problemsOf(tasks).map(({ index, member, message }) => `tasks.${index}.${member}: ${message}`);
  return problems.length > 0 ? failed(problems) : checkPaths(tasks);
}

/** The parts of a task by a plan. If the task has an estimate, it is divided among them. */
export function partsOfPlan(tasks: readonly PlannedTask[], subject: Subject): Part[] {
  const total = tasks.reduce((sum, { estimated_hours }) => sum + estimated_hours, 0);
  return tasks.map(({ estimated_hours: hours, priority, ...task }) => ({
    ...task,
    parent: null,
    estimate: subject.estimate === null ? around(hours) : share(subject.estimate, hours, total),
    priority: priority ?? subject.priority,
  }));
}

/** Tasks that may run at the same time must not change the same files. */
function checkPaths(tasks: PlannedTask[]): ReadPlan {
  const graph = graphOf(tasks);
  const after = tasks.map((_, number) => new Set(tasksAfter(graph, number)));
  const problems: string[] = [];
  for (const [i, one] of tasks.entries()) {
    for (const [j, other] of tasks.entries()) {
      if (j <= i || after[i]!.has(j) || after[j]!.has(i)) continue;
      const pair = overlapOf(one, other);
      if (pair === null) continue;
      const how = pair[0] === pair[1] ? `both name “${pair[0]}”` : `“${pair[0]}” and “${pair[1]}” overlap`;
      problems.push(
        `tasks.${i}.paths and tasks.${j}.paths: “${one.name}” and “${other.name}” may run at the same time, but ${how}. Let one depend on the other, or give the files to one of them.`,
      );
    }
  }
  return problems.length > 0 ? failed(problems) : { ok: true, tasks };
}

function overlapOf({ paths }: PlannedTask, other: PlannedTask): [string, string] | null {
  for (const path of paths) {
    const same = other.paths.find((one) => globsOverlap(path, one));
    if (same !== undefined) return [path, same];
  }
  return null;
}

/** The JSON object in a text: in its last fence, or from the first `{` to the last `}`; undefined if there is none. */
function jsonIn(text: string): unknown {
  const fenced = [...text.matchAll(/```(?:json)?\s*(\{[\s\S]*?\})\s*```/g)].at(-1)?.[1];
  const outer = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
  for (const candidate of [fenced, outer]) {
    const value = candidate === undefined ? undefined : parsed(candidate);
    if (value !== undefined) return value;
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(problems: string[]): ReadPlan {
  const more = problems.length - MAX_PROBLEMS;
  const shown = problems.slice(0, MAX_PROBLEMS);
  return { ok: false, problems: more > 0 ? [...shown, `and ${more} more`] : shown };
}
