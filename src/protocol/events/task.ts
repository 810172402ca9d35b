import * as z from 'zod';
import { TaskStatus } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { CheckpointView } from '../session/checkpoint.ts';

/** Events about a task and its leases. */
export const TaskEventBody = schema(() =>
  z.discriminatedUnion('type', [
    z.object({
      type: z.literal('task.status'),
      data: z.object({ from: TaskStatus(), to: TaskStatus(), epoch: z.int(), attempt: z.int() }),
    }),
    z.object({
      type: z.literal('lease.granted'),
      data: z.object({ epoch: z.int(), agent_id: Uuid(), agent_name: z.string(), checkpoint: z.int().nullable() }),
    }),
    z.object({
      type: z.literal('lease.ended'),
      /** `message`: the agent's message, if it released the lease. */
      data: z.object({ epoch: z.int(), reason: z.string(), message: z.string().optional() }),
    }),
    z.object({ type: z.literal('lease.extended'), data: z.object({ epoch: z.int(), reason: z.string() }) }),
    z.object({ type: z.literal('checkpoint.created'), data: z.object({ checkpoint: CheckpointView() }) }),
    /** A frame of the agent was invalid. It is acknowledged all the same. */
    z.object({
      type: z.literal('frame.rejected'),
      data: z.object({ epoch: z.int(), n: z.int(), reason: z.string() }),
    }),
  ]),
);
