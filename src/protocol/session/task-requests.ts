import * as z from 'zod';
import { Capabilities, DependencyType, TaskPriority } from '../common/enums.ts';
import { SessionId, TaskId } from '../common/ids.ts';
import { MAX_AGENTS_OF_FORECAST, MAX_DEPENDENCIES, MAX_TASKS } from '../common/limits.ts';
import { PageQuery } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { GivenChecks } from './checks.ts';
import { LabelRequirements } from './requirements.ts';
import { MaxAttempts, PromptText } from './task-members.ts';
import { Title } from './title.ts';

/** The bodies and queries of requests on tasks. */

const MAX_HOURS = 10_000;
const Hours = schema(() => z.number().min(0).max(MAX_HOURS));

export const Estimate = schema(() =>
  z
    .strictObject({ optimistic_hours: Hours(), likely_hours: Hours(), pessimistic_hours: Hours() })
    .refine(
      ({ optimistic_hours, likely_hours, pessimistic_hours }) =>
        optimistic_hours <= likely_hours && likely_hours <= pessimistic_hours,
      'must grow: optimistic_hours, likely_hours, pessimistic_hours',
    )
    .meta({
      id: 'Estimate',
      description:
        'A three-point estimate of the hours of work. The task counts as (optimistic + 4 × likely + pessimistic) / 6.',
      example: { optimistic_hours: 1, likely_hours: 2, pessimistic_hours: 3 },
    }),
);
export type Estimate = Infer<typeof Estimate>;

const MAX_PATHS = 50;
const MAX_GLOB_CHARS = 200;

export const TaskPaths = schema(() =>
  z
    .array(
      z
        .string()
        .min(1)
        .max(MAX_GLOB_CHARS)
        .refine(
          (glob) => !glob.startsWith('/') && !glob.split('/').includes('..'),
          'must be relative to the top of the repository, and stay inside it',
        ),
    )
    .max(MAX_PATHS),
);

export const TimeoutSeconds = schema(() => z.int().min(1).max(86_400));

/** The members that a task has however it is created. */
const described = () => ({
  title: Title(),
  description: PromptText().meta({ description: 'The prompt of the agent that does the task.' }),
  priority: TaskPriority().default('normal'),
  required_capabilities: Capabilities().default([]),
  required_labels: LabelRequirements().default([]),
  estimate: Estimate().optional(),
  max_attempts: MaxAttempts().optional().meta({ description: 'By default that of the session.' }),
  checks: GivenChecks().default([]),
  timeout_seconds: TimeoutSeconds().optional().meta({
    description:
      'How long one agent may work on it, from when it takes the task. Then the attempt has failed (`task_timeout`), and another one follows if one is left. By default, only the session’s `max_duration_seconds` limits it.',
  }),
  paths: TaskPaths().default([]).meta({
    description:
      'Globs of the files that it is expected to change, such as `src/**/*.ts` or `docs/`. An edit of another file is noted.',
  }),
  requires_approval: z.boolean().default(false).meta({
    description:
      'Whether the task, with its subtasks, starts only when a person has approved it: an approval of the kind `task_gate`. If it is rejected, the task is cancelled; if nobody answers in time, it fails.',
  }),
});

export const ExpectedVersion = schema(() =>
  z.int().optional().meta({
    description:
      'The version of the graph for which the change is meant. If it has another one by now, the request is refused.',
  }),
);
const WHERE =
  'The task of which it is a part. By default, that is the first task of the session, which stands for its prompt, unless an agent has begun with it; null: of none.';

export const CreateTaskRequest = schema(() =>
  z
    .strictObject({
      session_id: SessionId(),
      ...described(),
      parent_task_id: TaskId().nullable().optional().meta({ description: WHERE }),
      depends_on: z
        .array(TaskId())
        .max(MAX_DEPENDENCIES)
        .default([])
        .meta({ description: 'Tasks of the same session that must be done first.' }),
      graph_version: ExpectedVersion(),
    })
    .meta({
      id: 'CreateTaskRequest',
      description: 'A new task of a session.',
      example: {
        session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
        title: 'Test the endpoint',
        description: 'Write tests for the new endpoint.',
      },
    }),
);
export type CreateTaskRequest = Infer<typeof CreateTaskRequest>;

const TaskName = schema(() => z.string().regex(/^[\w.-]{1,64}$/, 'must be 1–64 letters, digits, _, . and -'));

export const NewTask = schema(() =>
  z
    .strictObject({
      name: TaskName().optional().meta({ description: 'A name by which other tasks of the request refer to it.' }),
      ...described(),
      parent: TaskName()
        .nullable()
        .optional()
        .meta({ description: `A name or an id. ${WHERE}` }),
      depends_on: z
        .array(
          z.union([
            TaskName(),
            z.strictObject({
              task: TaskName(),
              dependency_type: DependencyType().default('finish_to_start'),
              is_required: z.boolean().default(true),
            }),
          ]),
        )
        .max(MAX_DEPENDENCIES)
        .default([])
        .meta({ description: 'Names of tasks of the request, or ids of tasks of the session.' }),
    })
    .meta({
      id: 'NewTaskRequest',
      description: 'A task of a new graph.',
      example: { name: 'test', title: 'Test the endpoint', description: 'Write tests.', depends_on: ['write'] },
    }),
);
export type NewTask = Infer<typeof NewTask>;

export const CreateGraphRequest = schema(() =>
  z
    .strictObject({
      tasks: z.array(NewTask()).min(1).max(MAX_TASKS),
      graph_version: ExpectedVersion(),
    })
    .meta({
      id: 'CreateGraphRequest',
      description: 'Tasks with their dependencies. Either all are created, or none.',
      example: {
        tasks: [
          { name: 'write', title: 'Write the endpoint', description: 'Add GET /orders.' },
          { name: 'test', title: 'Test the endpoint', description: 'Write tests for it.', depends_on: ['write'] },
        ],
      },
    }),
);
export type CreateGraphRequest = Infer<typeof CreateGraphRequest>;

export const ListTasksQuery = schema(() => PageQuery().safeExtend({ session_id: SessionId() }).strict());

export const ReadTaskQuery = schema(() =>
  z.strictObject({
    include_subtasks: z
      .enum(['true', 'false'])
      .default('false')
      .meta({ description: 'Whether the task comes with its subtasks, and they with theirs.' }),
  }),
);

export const ReadGraphQuery = schema(() =>
  z.strictObject({
    agents: z.coerce.number<number>().int().min(1).max(MAX_AGENTS_OF_FORECAST).optional().meta({
      description: 'With how many agents at a time to predict. By default, the `max_parallel` of the session.',
    }),
  }),
);
