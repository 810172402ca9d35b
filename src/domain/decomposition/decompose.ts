import type { TaskPriority } from '../../protocol/common/enums.ts';
import { MAX_PARTS } from '../../protocol/common/limits.ts';
import type { RuleStrategy } from '../../protocol/session/decomposition.ts';
import type { TaskTemplate } from '../../protocol/workspace/task-template.ts';
import { pertEstimate } from '../graph/estimate.ts';
import { chooseTemplate } from './choose-template.ts';
import { byCapability, byFunction, byTime, hasList } from './generic-strategies.ts';
import { type Part, type Piece, partsFrom, type Subject } from './parts.ts';

export interface Rules {
  strategy: RuleStrategy | 'auto';
  /** Whether `auto` may use a template. */
  apply_templates: boolean;
  /** The levels of subtasks, from 1. */
  max_depth: number;
  templates: readonly TaskTemplate[];
}

/** The parts of a task, each after the one of which it is a part. */
export interface Decomposition {
  strategy: RuleStrategy | 'agent';
  /** The name of the template, if one was used. */
  template: string | null;
  parts: Part[];
}

/** A part that takes longer is split again, if there is room. */
const LONG_HOURS = 8;

type GenericStrategy = Exclude<RuleStrategy, 'template'>;

const GENERIC: Readonly<Record<GenericStrategy, (subject: Subject) => Piece[]>> = {
  functional: byFunction,
  temporal: byTime,
  capability: byCapability,
};

/** How the parts are split that a strategy has made. A template is used only once. */
const NEXT: Readonly<Record<RuleStrategy, GenericStrategy>> = {
  template: 'functional',
  functional: 'temporal',
  temporal: 'functional',
  capability: 'functional',
};

/**
 * Splits a task by rules. The same task and rules give the same parts. There are at most MAX_PARTS of them.
 * @returns null if only a template may split the task, and none fits
 *
 * @example
 * decompose(subject, { strategy: 'auto', apply_templates: true, max_depth: 1, templates: templatesWith([]) });
 */
export function decompose(whole: Subject, rules: Rules): Decomposition | null {
  const template = usesTemplate(rules) ? chooseTemplate(whole, rules.templates) : null;
  if (template === null && rules.strategy === 'template') return null;
  const strategy = template ? 'template' : strategyFor(whole, rules.strategy);
  const pieces = template ? template.parts : GENERIC[strategy as GenericStrategy](whole);
  const subject = template?.raises_priority ? { ...whole, priority: raised(whole.priority) } : whole;
  const parts = partsFrom(pieces, subject, null, whole);
  splitLongOnes(parts, whole, { depth: 1, max_depth: rules.max_depth, strategy });
  return { strategy, template: template?.name ?? null, parts };
}

function usesTemplate({ strategy, apply_templates }: Rules): boolean {
  return strategy === 'template' || (strategy === 'auto' && apply_templates);
}

function strategyFor(whole: Subject, strategy: RuleStrategy | 'auto'): RuleStrategy {
  if (strategy !== 'auto') return strategy;
  if (new Set(whole.required_capabilities).size > 1) return 'capability';
  return hasList(whole) ? 'functional' : 'temporal';
}

/** Splits the long parts of the newest level, and then those of the next one, and adds what becomes of them. */
function splitLongOnes(
  parts: Part[],
  whole: Subject,
  { depth, max_depth, strategy }: { depth: number; max_depth: number; strategy: RuleStrategy },
): void {
  let level = [...parts];
  let by = strategy;
  for (let at = depth; at < max_depth && level.length > 0; at++) {
    by = NEXT[by];
    const next: Part[] = [];
    for (const part of level) {
      if (pertEstimate(part.estimate).hours <= LONG_HOURS) continue;
      // The description of a part repeats that of the whole, whose list is not that of the part.
      const pieces = GENERIC[by as GenericStrategy]({ ...part, description: '' });
      if (parts.length + next.length + pieces.length > MAX_PARTS) continue;
      next.push(...partsFrom(pieces, { ...part, title: part.title }, part, whole));
    }
    parts.push(...next);
    level = next;
  }
}

const RAISED: Readonly<Record<TaskPriority, TaskPriority>> = {
  blocker: 'blocker',
  critical: 'critical',
  high: 'critical',
  normal: 'high',
  low: 'normal',
  background: 'low',
};

function raised(priority: TaskPriority): TaskPriority {
  return RAISED[priority];
}
