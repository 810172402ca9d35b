import * as z from 'zod';
import { Capabilities, TaskPriority } from '../common/enums.ts';
import { TaskId } from '../common/ids.ts';
import { MAX_PLANNED_TASKS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { PartName } from '../workspace/task-template.ts';
import { ExpectedVersion } from './task-requests.ts';
import { Title } from './title.ts';

/** How a task is split into parts. */

/** The strategies that split a task by rules. */
export const RULE_STRATEGIES = ['template', 'functional', 'temporal', 'capability'] as const;
export type RuleStrategy = (typeof RULE_STRATEGIES)[number];

export const DecompositionStrategy = schema(() =>
  z.enum(['auto', ...RULE_STRATEGIES, 'agent']).meta({
    id: 'DecompositionStrategy',
    description:
      'template: by the most specific template that fits. functional: by what has to be made: the items of a list in the description, or data, logic and interface. temporal: by phases. capability: a part for each required capability. auto: the first of template, capability (two or more are required), functional (the description has a list) and temporal that applies. agent: an agent proposes the parts.',
    example: 'auto',
  }),
);
export type DecompositionStrategy = Infer<typeof DecompositionStrategy>;

/** How a session is split when it is created. */
export const SessionPlan = schema(() =>
  z.enum(['none', 'template', 'agent']).meta({
    id: 'SessionPlan',
    description:
      'Whether the session is split into tasks when it is created. template: by the most specific template that fits; if none does, it stays one task. agent: an agent proposes the tasks first.',
    example: 'none',
  }),
);
export type SessionPlan = Infer<typeof SessionPlan>;

/** The levels of subtasks, if the request does not say, and the most. */
export const SPLIT_DEPTH = 3;
export const MAX_SPLIT_DEPTH = 5;

export const DecomposeTaskRequest = schema(() =>
  z
    .strictObject({
      task_id: TaskId().optional().meta({ description: 'If it is there, it must be the id of the path.' }),
      strategy: DecompositionStrategy().default('auto'),
      apply_templates: z
        .boolean()
        .default(true)
        .meta({ description: 'Whether `auto` and `agent` may use a template.' }),
      max_depth: z.int().min(1).max(MAX_SPLIT_DEPTH).default(SPLIT_DEPTH).meta({
        description: 'How many levels of subtasks. A part of more than 8 hours is split again while there is room.',
      }),
      preview: z.boolean().default(false).meta({
        description: 'Only show what would come of it, and change nothing. Not with the strategy `agent`.',
      }),
      graph_version: ExpectedVersion(),
    })
    .refine(({ strategy, apply_templates }) => strategy !== 'template' || apply_templates, {
      path: ['apply_templates'],
      message: 'must be true with the strategy template',
    })
    .refine(({ strategy, preview }) => strategy !== 'agent' || !preview, {
      path: ['preview'],
      message: 'must be false with the strategy agent, whose plan is not known before',
    })
    .meta({
      id: 'DecomposeTaskRequest',
      description:
        'How to split the task. If it was split before, the parts that no agent has begun with are replaced, and the others stay.',
      example: { strategy: 'auto', max_depth: 2 },
    }),
);
export type DecomposeTaskRequest = Infer<typeof DecomposeTaskRequest>;

export const DecompositionState = schema(() =>
  z.enum(['planning', 'applied', 'undivided']).meta({
    id: 'DecompositionState',
    description:
      'planning: an agent is asked for a plan. applied: the task has its parts. undivided: nothing could split it, so it is done as one.',
    example: 'applied',
  }),
);

export const DecompositionView = schema(() =>
  z
    .object({
      state: DecompositionState(),
      strategy: DecompositionStrategy().meta({ description: 'The one that was used last, never `auto`.' }),
      template: z.string().nullable().meta({ description: 'The name of the template, if one was used.' }),
      attempt: z.int().meta({ description: 'How many plans an agent was asked for.' }),
      reason: z
        .string()
        .nullable()
        .meta({ description: 'Why the last plan of an agent was not used; null if it was.' }),
      plan_task_id: TaskId().nullable().meta({ description: 'The task of the agent that plans.' }),
    })
    .meta({
      id: 'Decomposition',
      description: 'How a task was split, or is being split.',
      example: {
        state: 'applied',
        strategy: 'template',
        template: 'crud',
        attempt: 0,
        reason: null,
        plan_task_id: null,
      },
    }),
);
export type DecompositionView = Infer<typeof DecompositionView>;

/** The same, as the log of a session has it. */
export const DecompositionStep = schema(() => DecompositionView().omit({ plan_task_id: true }));
export type DecompositionStep = Infer<typeof DecompositionStep>;

/** The most hours of a task in a plan: a longer one is to be split. */
const MAX_PLANNED_HOURS = 100;

const PlannedTask = schema(() =>
  z.strictObject({
    name: PartName(),
    title: Title(),
    description: z.string().min(1).max(20_000),
    depends_on: z.array(PartName()).max(MAX_PLANNED_TASKS).default([]),
    required_capabilities: Capabilities().default([]),
    estimated_hours: z.number().positive().max(MAX_PLANNED_HOURS).default(1),
    priority: TaskPriority().optional(),
    paths: z.array(z.string().min(1).max(120)).max(10).default([]),
  }),
);
export type PlannedTask = Infer<typeof PlannedTask>;

/** The plan that an agent proposes. */
export const Plan = schema(() => z.strictObject({ tasks: z.array(PlannedTask()).min(1).max(MAX_PLANNED_TASKS) }));
export type Plan = Infer<typeof Plan>;
