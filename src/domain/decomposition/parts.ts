import type { Capability, TaskPriority } from '../../protocol/common/enums.ts';
import { truncated } from '../../protocol/common/text.ts';
import { MAX_TITLE_CHARS } from '../../protocol/session/title.ts';
import type { ThreePointEstimate } from '../graph/estimate.ts';

/** The members of a task by which it is split. */
export interface Subject {
  title: string;
  description: string;
  /** Null if nobody has estimated it. Then the sum of its parts becomes its estimate. */
  estimate: ThreePointEstimate | null;
  required_capabilities: readonly Capability[];
  priority: TaskPriority;
}

/** What a strategy makes of a task: a piece of it. Hours say how long the pieces take compared with each other. */
export interface Piece {
  /** Unique among the pieces of one task. */
  name: string;
  title: string;
  description: string;
  hours: number;
  required_capabilities: readonly Capability[];
  /** Names of other pieces. */
  depends_on: readonly string[];
}

/** A subtask that is to be created. */
export interface Part {
  /** Unique among all parts of the task; with a dot after the name of the part that it is a part of. */
  name: string;
  /** The name of the part of which it is a part; null if it is one of the task itself. */
  parent: string | null;
  title: string;
  description: string;
  estimate: ThreePointEstimate;
  required_capabilities: readonly Capability[];
  priority: TaskPriority;
  /** Names of parts that must be done first. */
  depends_on: readonly string[];
  paths: readonly string[];
}

/** The most of the whole task's description that each part repeats. */
const MAX_CONTEXT_CHARS = 20_000;
/** How far the points of a part are from its hours if nobody has estimated the task. Their mean is the hours. */
const SPREAD = { optimistic: 0.5, pessimistic: 1.5 };

/**
 * Makes parts of the pieces of a task. The estimate of the task is divided among them by their hours, each point by
 * itself, so that the sums are those of the task.
 *
 * @param of the part that is split; null if it is the task itself
 * @param whole the task itself
 */
export function partsFrom(pieces: readonly Piece[], subject: Subject, of: Part | null, whole: Subject): Part[] {
  const total = pieces.reduce((sum, { hours }) => sum + hours, 0);
  const nameOf = (name: string) => (of === null ? name : `${of.name}.${name}`);
  return pieces.map(({ name, title, description, hours, required_capabilities, depends_on }) => ({
    name: nameOf(name),
    parent: of?.name ?? null,
    title: titleOf(title, subject.title),
    description: describe(description, of, whole),
    estimate: subject.estimate === null ? around(hours) : share(subject.estimate, hours, total),
    required_capabilities,
    priority: subject.priority,
    depends_on: depends_on.map(nameOf),
    paths: [],
  }));
}

/** The sum of estimates, each point by itself. */
export function sumOf(parts: readonly Pick<Part, 'estimate'>[]): ThreePointEstimate {
  const sum = (member: keyof ThreePointEstimate) => parts.reduce((all, { estimate }) => all + estimate[member], 0);
  return {
    optimistic_hours: sum('optimistic_hours'),
    likely_hours: sum('likely_hours'),
    pessimistic_hours: sum('pessimistic_hours'),
  };
}

/** ThreePointEstimate whose mean is so many hours. */
export function around(hours: number): ThreePointEstimate {
  return {
    optimistic_hours: hours * SPREAD.optimistic,
    likely_hours: hours,
    pessimistic_hours: hours * SPREAD.pessimistic,
  };
}

/** The share of an estimate for so many hours of a total. */
export function share(
  { optimistic_hours, likely_hours, pessimistic_hours }: ThreePointEstimate,
  hours: number,
  total: number,
): ThreePointEstimate {
  return {
    optimistic_hours: (optimistic_hours * hours) / total,
    likely_hours: (likely_hours * hours) / total,
    pessimistic_hours: (pessimistic_hours * hours) / total,
  };
}

function titleOf(title: string, whole: string): string {
  return truncated(`${title}: ${whole}`, MAX_TITLE_CHARS);
}

function describe(description: string, of: Part | null, whole: Subject): string {
  const within = of === null ? '' : `\n\nIt belongs to the part “${of.title}”.`;
  const context = truncated(whole.description, MAX_CONTEXT_CHARS);
  return `${description}${within}\n\nThis is one part of a larger task, and others do the other parts: do only this one. The whole task, “${whole.title}”, is:\n\n${context}`;
}
