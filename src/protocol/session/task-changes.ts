import * as z from 'zod';
import { Capabilities, DependencyType, TaskPriority, TaskStatus } from '../common/enums.ts';
import { TaskId } from '../common/ids.ts';
import { type Infer, schema } from '../common/schema.ts';
import { GivenChecks } from './checks.ts';
import { LabelRequirements } from './requirements.ts';
import { TaskDependency } from './task.ts';
import { MaxAttempts, PromptText } from './task-members.ts';
import { Estimate, ExpectedVersion, TaskPaths, TimeoutSeconds } from './task-requests.ts';
import { Title } from './title.ts';

/** The bodies of requests that change tasks and their graph. */

export const UpdateTaskRequest = schema(() =>
  z
    .strictObject({
      title: Title().optional(),
      description: PromptText().optional(),
      priority: TaskPriority().optional(),
      required_capabilities: Capabilities().optional(),
      required_labels: LabelRequirements().optional(),
      estimate: Estimate().nullable().optional(),
      max_attempts: MaxAttempts().nullable().optional(),
      checks: GivenChecks().optional(),
      timeout_seconds: TimeoutSeconds().nullable().optional(),
      paths: TaskPaths().optional(),
      requires_approval: z.boolean().optional(),
      graph_version: ExpectedVersion(),
    })
    .refine(({ graph_version: _, ...changes }) => Object.keys(changes).length > 0, 'must have a member to change')
    .meta({
      id: 'UpdateTaskRequest',
      description:
        'Members to change; null removes one. A task that has ended does not change. What its agent needs to know (`description`, `checks`, `requires_approval` and requirements) changes only before the task asks for an agent.',
      example: { priority: 'high' },
    }),
);
export type UpdateTaskRequest = Infer<typeof UpdateTaskRequest>;

export const AddDependencyRequest = schema(() =>
  z
    .strictObject({
      depends_on_task_id: TaskId(),
      dependency_type: DependencyType().default('finish_to_start'),
      is_required: z.boolean().default(true),
      graph_version: ExpectedVersion(),
    })
    .meta({
      id: 'AddDependencyRequest',
      description: 'Another task of the same session, for which the task is to wait. One of the same type is replaced.',
      example: { depends_on_task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000002' },
    }),
);
export type AddDependencyRequest = Infer<typeof AddDependencyRequest>;

export const UpdateTaskStatusRequest = schema(() =>
  z
    .strictObject({
      status: TaskStatus().extract(['completed', 'failed', 'cancelled', 'skipped']),
      reason: z.string().min(1).max(1_000).optional(),
    })
    .meta({
      id: 'UpdateTaskStatusRequest',
      description:
        'How the task ends. A task with subtasks can be cancelled or skipped with all of them that have not ended. `skipped`: it is not needed, so that those which depend on it go on. `reason` becomes the error of a task that fails.',
      example: { status: 'skipped' },
    }),
);
export type UpdateTaskStatusRequest = Infer<typeof UpdateTaskStatusRequest>;

export const RetryTaskRequest = schema(() =>
  z
    .strictObject({
      with_dependents: z.boolean().meta({
        description:
          'Whether all tasks that depend on it are done again too. Without them, only those begin that were skipped because of it.',
      }),
    })
    .meta({
      id: 'RetryTaskRequest',
      description:
        'Starts an ended task again. If the session has failed, was stopped or timed out, it starts again too.',
      example: { with_dependents: false },
    }),
);
export type RetryTaskRequest = Infer<typeof RetryTaskRequest>;

export const RemoveQuery = schema(() =>
  z.strictObject({
    cascade: z
      .enum(['true', 'false'])
      .default('false')
      .meta({ description: 'Whether the tasks that depend on it are removed too, and so on.' }),
    graph_version: z.coerce.number<number>().int().optional(),
  }),
);

export const ExpectedVersionQuery = schema(() =>
  z.strictObject({ graph_version: z.coerce.number<number>().int().optional() }),
);

export const TaskDependencies = schema(() =>
  z
    .object({
      task_id: TaskId(),
      graph_version: z.int(),
      depends_on: z.array(TaskDependency()),
      dependents: z.array(TaskDependency()).meta({ description: 'The tasks that wait for it, and how.' }),
      before: z.array(TaskId()).meta({ description: 'All tasks before it, also those before the ones that it names.' }),
      after: z.array(TaskId()).meta({ description: 'All tasks after it, also those that wait for others of them.' }),
    })
    .meta({
      id: 'TaskDependencies',
      description: 'What a task waits for, and what waits for it.',
      example: {
        task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000003',
        graph_version: 2,
        depends_on: [
          {
            task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000002',
            dependency_type: 'finish_to_start',
            is_required: true,
          },
        ],
        dependents: [],
        before: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000002'],
        after: [],
      },
    }),
);
export type TaskDependencies = Infer<typeof TaskDependencies>;
