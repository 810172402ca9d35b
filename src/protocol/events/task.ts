import * as z from 'zod';
import { ConflictKind, TaskStatus } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { CheckpointView, EXAMPLE_CHECKPOINT } from '../session/checkpoint.ts';
import { DecompositionStep } from '../session/decomposition.ts';
import { Quality } from '../session/rating.ts';
import { event } from './event.ts';

/** Events about a task and its leases. */
export const TaskEventBody = schema(() =>
  z.discriminatedUnion('type', [
    event({
      type: 'task.status',
      description: 'The task’s status changed.',
      data: z.object({ from: TaskStatus(), to: TaskStatus(), epoch: z.int(), attempt: z.int() }),
      example: { from: 'ready', to: 'in_progress', epoch: 1, attempt: 1 },
    }),
    event({
      type: 'lease.granted',
      description: 'An agent holds the task’s lease, and starts from this checkpoint if there is one.',
      data: z.object({ epoch: z.int(), agent_id: Uuid(), agent_name: z.string(), checkpoint: z.int().nullable() }),
      example: {
        epoch: 1,
        agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        agent_name: 'AGENT-LOCAL',
        checkpoint: null,
      },
    }),
    event({
      type: 'lease.ended',
      description: 'The lease ended. `message`: the agent’s message, if it released the lease.',
      data: z.object({ epoch: z.int(), reason: z.string(), message: z.string().optional() }),
      example: { epoch: 1, reason: 'completed' },
    }),
    event({
      type: 'lease.extended',
      description: 'The lease was extended once, because the control plane itself was away.',
      data: z.object({ epoch: z.int(), reason: z.string() }),
      example: { epoch: 1, reason: 'object_was_down' },
    }),
    event({
      type: 'checkpoint.created',
      description: 'A checkpoint was stored, from which another agent can continue.',
      data: z.object({ checkpoint: CheckpointView() }),
      example: { checkpoint: EXAMPLE_CHECKPOINT },
    }),
    event({
      type: 'task.rated',
      description: 'A person rated the task’s last finished assignment. A newer rating replaces an older one.',
      data: z.object({
        epoch: z.int(),
        agent_id: Uuid(),
        agent_name: z.string(),
        quality: Quality(),
        comment: z.string().optional(),
        by: z.string(),
      }),
      example: {
        epoch: 1,
        agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        agent_name: 'AGENT-LOCAL',
        quality: 0.9,
        by: 'static',
      },
    }),
    event({
      type: 'task.conflict',
      description:
        'The task cannot begin, because the works of other tasks conflict in these files. It waits for the task `resolve`. `approval_id`: with this item, a person can decide instead.',
      data: z.object({
        epoch: z.int(),
        approval_id: Uuid(),
        resolve: z.int().min(1),
        ours: z.array(z.int().min(1)),
        theirs: z.int().min(1),
        files: z.array(z.object({ path: z.string(), kind: ConflictKind() })),
        total: z.int(),
      }),
      example: {
        epoch: 1,
        approval_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        resolve: 6,
        ours: [2],
        theirs: 3,
        files: [{ path: 'src/server.ts', kind: 'content' }],
        total: 1,
      },
    }),
    event({
      type: 'task.strayed',
      description: 'The agent has edited a file outside of the task’s `paths`. Each file is noted once.',
      data: z.object({ path: z.string() }),
      example: { path: 'package.json' },
    }),
    event({
      type: 'task.conflict_risk',
      description: 'Another task, which has not ended either, has edited the same file.',
      data: z.object({ path: z.string(), with_task: z.int(), title: z.string() }),
      example: { path: 'src/list.ts', with_task: 3, title: 'Test the endpoint' },
    }),
    event({
      type: 'task.decomposition',
      description:
        'How far the task is split into parts. `attempt`: how many plans an agent was asked for. `reason`: why its last one was not used.',
      data: DecompositionStep(),
      example: { state: 'applied', strategy: 'template', template: 'crud', attempt: 0, reason: null },
    }),
    event({
      type: 'frame.rejected',
      description: 'A frame of the agent was invalid. It is acknowledged all the same.',
      data: z.object({ epoch: z.int(), n: z.int(), reason: z.string() }),
      example: { epoch: 1, n: 7, reason: 'the artifact is too large' },
    }),
  ]),
);
