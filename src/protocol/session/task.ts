import * as z from 'zod';
import {
  ApprovalKind,
  Capability,
  ComplexityLevel,
  DependencyType,
  TaskKind,
  TaskPriority,
  TaskStatus,
} from '../common/enums.ts';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Check } from './checks.ts';
import { DecompositionView } from './decomposition.ts';
import { FinishedAssignment } from './rating.ts';
import { LabelRequirement } from './requirements.ts';
import { Estimate } from './task-requests.ts';

/** The API's views of tasks and of their graph. */

export const TaskDependency = schema(() =>
  z
    .object({
      task_id: TaskId(),
      dependency_type: DependencyType(),
      is_required: z.boolean().meta({ description: 'Whether the task is skipped if the other one fails.' }),
    })
    .meta({
      id: 'TaskDependency',
      description: 'Another task, for which a task waits.',
      example: {
        task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
        dependency_type: 'finish_to_start',
        is_required: true,
      },
    }),
);
export type TaskDependency = Infer<typeof TaskDependency>;

const EXAMPLE_TASK = {
  id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000002',
  title: 'Test the endpoint',
  kind: 'work' as const,
  status: 'pending' as const,
  attempt: 1,
  epoch: 1,
  agent_id: null,
  agent_name: null,
  lease_expires_at: null,
  last_assignment: null,
  parent_task_id: null,
  priority: 'normal' as const,
  depends_on: [
    {
      task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
      dependency_type: 'finish_to_start' as const,
      is_required: true,
    },
  ],
  waiting_on: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000001'],
  timeout_seconds: null,
  conflict_risk: [],
  requires_approval: false,
  blocked_by: null,
  caused_by: null,
  error: null,
  estimated_hours: 2,
  corrected_hours: 2.4,
  confidence: 0.2,
  complexity_level: 'moderate' as const,
  started_at: null,
  ended_at: null,
};

/** An estimate after its correction by measured times. */
const CorrectionMembers = schema(() =>
  z.object({
    corrected_hours: z.number().nullable().meta({
      description:
        'The estimate, corrected by how long finished tasks took that required the same capabilities: those of this session, and those that the workspace had measured when this one began. Predictions count with it.',
    }),
    confidence: z.number().meta({
      description: 'How much of the correction was measured, from 0 to below 1. With few results, the estimate stays.',
    }),
  }),
);

export const TaskView = schema(() =>
  z
    .object({
      id: TaskId(),
      title: z.string(),
      kind: TaskKind(),
      status: TaskStatus(),
      attempt: z.int(),
      epoch: z.int(),
      /** The agent that holds the task's lease or, if none does, held it last in this run. */
      agent_id: Uuid().nullable(),
      agent_name: z.string().nullable(),
      lease_expires_at: Instant().nullable(),
      /** The assignment that ended last, also one of an earlier run; null before the first. */
      last_assignment: FinishedAssignment().nullable(),
      /** While the task waits for an agent: the agents that have refused it in this run, and what they lack. */
      refusals: z.array(z.object({ agent_id: Uuid(), agent_name: z.string(), message: z.string() })).optional(),
      parent_task_id: TaskId().nullable(),
      priority: TaskPriority(),
      depends_on: z.array(TaskDependency()),
      waiting_on: z.array(TaskId()).meta({
        description: 'Tasks that must start or end before this one starts or, if its work is done, before it ends.',
      }),
      timeout_seconds: z.int().nullable(),
      conflict_risk: z.array(z.object({ path: z.string(), with_task_id: TaskId() })).meta({
        description: 'Files that another task, which has not ended either, has edited too. At most 20.',
      }),
      requires_approval: z.boolean(),
      blocked_by: z
        .object({ kind: ApprovalKind(), approval_id: Uuid(), message: z.string() })
        .nullable()
        .meta({ description: 'Of a blocked task: the approval that it waits for, in words too. Null otherwise.' }),
      caused_by: TaskId().nullable().meta({ description: 'The task because of which this one was skipped.' }),
      error: z
        .object({ code: z.string(), message: z.string(), retryable: z.boolean() })
        .nullable()
        .meta({ description: 'Why the task, or its last attempt, has failed; null otherwise.' }),
      estimated_hours: z.number().nullable().meta({ description: 'The mean of the estimate; null without one.' }),
      ...CorrectionMembers().shape,
      complexity_level: ComplexityLevel(),
      started_at: Instant().nullable(),
      ended_at: Instant().nullable(),
    })
    .meta({ id: 'TaskView', description: 'A task of a session.', example: EXAMPLE_TASK }),
);
export type TaskView = Infer<typeof TaskView>;

/** A task with all that is known of it. */
export interface Task extends TaskView {
  session_id: string;
  description: string;
  required_capabilities: string[];
  required_labels: string[];
  paths: string[];
  estimate: Infer<typeof Estimate> | null;
  deviation_hours: number | null;
  checks: Check[];
  result: Record<string, unknown> | null;
  decomposition: DecompositionView | null;
  subtasks?: Task[] | undefined;
}

export const Task: () => z.ZodType<Task> = schema(() => {
  const task = TaskView()
    .extend({
      session_id: SessionId(),
      description: z.string().meta({ description: 'The prompt of its agent.' }),
      required_capabilities: z.array(Capability()),
      required_labels: z.array(LabelRequirement()),
      paths: z.array(z.string()),
      estimate: Estimate().nullable(),
      deviation_hours: z.number().nullable().meta({ description: 'The standard deviation of the estimate.' }),
      checks: z.array(Check()).meta({ description: 'The commands that must succeed before it is done.' }),
      result: z.record(z.string(), z.unknown()).nullable(),
      decomposition: DecompositionView().nullable().meta({ description: 'How it was split; null if it never was.' }),
      get subtasks(): z.ZodOptional<z.ZodArray<z.ZodType<Task>>> {
        return z.array(Task()).optional();
      },
    })
    .meta({
      id: 'Task',
      description: 'A task of a session, with its prompt and its result. `subtasks`: on request.',
      example: {
        ...EXAMPLE_TASK,
        session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
        description: 'Write tests for the new endpoint.',
        required_capabilities: ['testing'],
        required_labels: [],
        paths: ['test/**'],
        estimate: { optimistic_hours: 1, likely_hours: 2, pessimistic_hours: 3 },
        deviation_hours: 0.33,
        checks: [{ command: 'npm test', timeout_seconds: 600 }],
        result: null,
        decomposition: null,
      },
    });
  return task as unknown as z.ZodType<Task>;
});

export const TaskList = schema(() =>
  z.object({ items: z.array(TaskView()), next_cursor: NextCursor() }).meta({
    id: 'TaskList',
    description: 'A page of the tasks of a session, in the order of their creation.',
    example: { items: [EXAMPLE_TASK], next_cursor: null },
  }),
);
export type TaskList = Infer<typeof TaskList>;

export const GraphCreated = schema(() =>
  z
    .object({
      graph_version: z.int(),
      task_ids: z.array(TaskId()).meta({ description: 'The ids of the tasks, in the order of the request.' }),
    })
    .meta({
      id: 'GraphCreated',
      description: 'The new tasks.',
      example: { graph_version: 2, task_ids: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000002'] },
    }),
);
export type GraphCreated = Infer<typeof GraphCreated>;

export const SessionGraph = schema(() =>
  z
    .object({
      graph_version: z.int(),
      at: Instant().meta({ description: 'When this was computed. Predictions count from here.' }),
      agents: z.int().meta({ description: 'With how many agents at a time the predictions count.' }),
      nodes: z.array(
        z.object({
          task_id: TaskId(),
          title: z.string(),
          status: TaskStatus(),
          parent_task_id: TaskId().nullable(),
          level: z.int().meta({ description: 'How many tasks come one after the other before it.' }),
          estimated_hours: z.number().nullable().meta({ description: 'The mean of the estimate; null without one.' }),
          ...CorrectionMembers().shape,
          slack_hours: z.number().meta({ description: 'How much later it can end without a later end of the whole.' }),
          predicted_start_at: Instant(),
          predicted_finish_at: Instant(),
        }),
      ),
      edges: z.array(TaskDependency().safeExtend({ dependent_task_id: TaskId() })),
      levels: z.array(z.array(TaskId())),
      critical_path: z
        .array(TaskId())
        .meta({ description: 'The unfinished tasks on the longest path by hours, in order.' }),
      critical_path_hours: z.number(),
      predicted_finish_at: Instant(),
    })
    .meta({
      id: 'SessionGraph',
      description:
        'The tasks of a session, with the order in which they can be done, the longest path, and when each is expected to start and to finish. A task without an estimate counts as one hour. For an ended task, the times are those that it had.',
      example: {
        graph_version: 2,
        at: '2026-11-22T15:04:05.678Z',
        agents: 4,
        nodes: [
          {
            task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
            title: 'TEST-Session-001',
            status: 'ready',
            parent_task_id: null,
            level: 0,
            estimated_hours: 2,
            corrected_hours: 2,
            confidence: 0,
            slack_hours: 0,
            predicted_start_at: '2026-11-22T15:04:05.678Z',
            predicted_finish_at: '2026-11-22T17:04:05.678Z',
          },
        ],
        edges: [],
        levels: [['0198c2f0-1a2b-8c3d-9e4f-5a6b00000001']],
        critical_path: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000001'],
        critical_path_hours: 2,
        predicted_finish_at: '2026-11-22T17:04:05.678Z',
      },
    }),
);
export type SessionGraph = Infer<typeof SessionGraph>;
