import * as z from 'zod';
import { Capability } from '../common/enums.ts';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { MAX_AGENT_CAPACITY, MAX_REMOTE_CHARS, MAX_REMOTES } from '../common/limits.ts';
import { AgentName } from './agent.ts';

/**
 * The control socket of an agent: `GET /ws/agents/{agent_id}/control`, subprotocol `oio.v1`, to the workspace's
 * registry: hello, offers, slots. An agent connects out; nothing ever connects to an agent.
 *
 * An offer is not a lease. It becomes one when the agent *presents* (task, epoch) at the session; see `run/run-socket.ts`.
 *
 * `ping` as a bare text is answered `pong` without waking the object.
 */

export const AgentHello = z.object({
  type: z.literal('hello'),
  name: AgentName,
  /** New at every start of the agent's process. */
  instance_id: Uuid,
  capacity: z.int().min(1).max(MAX_AGENT_CAPACITY),
  capabilities: z.array(Capability),
  labels: z.array(z.string()),
  /** The hash of the first commit: which repository this agent can work on, whatever its clone is called. */
  repository: z.string().nullable(),
  /** Keys of the addresses that the clone has as remotes (see `repositoryKey`): a session may name its repository so. */
  remotes: z.array(z.string().max(MAX_REMOTE_CHARS)).max(MAX_REMOTES).default([]),
  model: z.string().nullable(),
  version: z.string(),
  /** Leases this instance still works on. Slots of this agent that are not named are free again. */
  leases: z.array(z.object({ task_id: TaskId, epoch: z.int() })),
});
export type AgentHello = z.infer<typeof AgentHello>;

export const ControlUp = z.discriminatedUnion('type', [
  AgentHello,
  /** The lease was presented and granted: the offer is used. */
  z.object({ type: z.literal('accepted'), task_id: TaskId, epoch: z.int() }),
  /** No room or no such repository here: back to the queue, not to this agent at once. */
  z.object({ type: z.literal('declined'), task_id: TaskId, epoch: z.int(), reason: z.string() }),
  /** The lease has ended here, whoever ended it: the slot is free. */
  z.object({ type: z.literal('ended'), task_id: TaskId, epoch: z.int() }),
]);
export type ControlUp = z.infer<typeof ControlUp>;

export const ControlDown = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), agent_id: z.string() }),
  z.object({
    type: z.literal('offer'),
    task_id: TaskId,
    epoch: z.int(),
    session_id: SessionId,
    expires_in_ms: z.int(),
  }),
  /** The session no longer wants this slot. */
  z.object({ type: z.literal('cancel'), task_id: TaskId, epoch: z.int() }),
  /** Another instance of this agent is connected and alive: stop. */
  z.object({ type: z.literal('superseded'), reason: z.string() }),
]);
export type ControlDown = z.infer<typeof ControlDown>;
