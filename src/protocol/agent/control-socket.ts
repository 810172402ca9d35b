import * as z from 'zod';
import { Commit, ForeignId, Name, Ordinal, Reason } from '../common/bounds.ts';
import { AgentType, Capabilities } from '../common/enums.ts';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import {
  MAX_AGENT_CAPACITY,
  MAX_AGENT_SECRET_CHARS,
  MAX_LABEL_CHARS,
  MAX_LABELS,
  MAX_REMOTE_CHARS,
  MAX_REMOTES,
  MAX_TECHNOLOGIES,
  MIN_AGENT_SECRET_CHARS,
} from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Technology } from '../session/requirements.ts';
import { AgentName, CostPerToken } from './agent.ts';

/**
 * The control socket of an agent: `GET /ws/agents/{agent_id}/control`, subprotocol `oio.v1`. It connects the agent to
 * the workspace's registry, for its hello and for offers of work. The agent opens it; nothing ever connects to an
 * agent.
 *
 * An offer is not a lease. It becomes a lease when the agent claims (task, epoch) at the session; see
 * `run/run-socket.ts`.
 *
 * The platform answers the bare text `ping` with `pong` without waking the object.
 */

const SlotKey = schema(() => z.object({ task_id: TaskId(), epoch: Ordinal() }));

export const AgentHello = schema(() =>
  z.object({
    type: z.literal('hello'),
    name: AgentName(),
    /** New at every start of the agent's process. */
    instance_id: Uuid(),
    /**
     * Known only to the agent, and the same at every start. An agent id belongs to the secret with which it was
     * registered; without one, to the token. So the agent can get another token, and no other agent can use its id.
     */
    secret: z.string().min(MIN_AGENT_SECRET_CHARS).max(MAX_AGENT_SECRET_CHARS).optional(),
    /** `implementer` if absent. */
    agent_type: AgentType().optional(),
    capacity: z.int().min(1).max(MAX_AGENT_CAPACITY),
    capabilities: Capabilities(),
    labels: z.array(z.string().max(MAX_LABEL_CHARS)).max(MAX_LABELS),
    preferred_technologies: z.array(Technology()).max(MAX_TECHNOLOGIES).optional(),
    cost_per_token_usd: CostPerToken().optional(),
    /**
     * The hash of the repository's first commit, which identifies the repository in every full clone. Null in a shallow
     * clone, which `remotes` identify.
     */
    repository: Commit().nullable(),
    /** The keys of the clone's remotes (see `repositoryKey`), by which a session may name its repository. */
    remotes: z.array(z.string().max(MAX_REMOTE_CHARS)).max(MAX_REMOTES).default([]),
    model: ForeignId().nullable(),
    version: Name(),
    /** The leases that this instance still works on. All other slots of this agent are freed. */
    leases: z.array(SlotKey()).max(2 * MAX_AGENT_CAPACITY),
  }),
);
export type AgentHello = Infer<typeof AgentHello>;

export const ControlUp = schema(() =>
  z.discriminatedUnion('type', [
    AgentHello(),
    /** The session granted the lease, so the slot is in use. */
    z.object({ type: z.literal('accepted'), ...SlotKey().shape }),
    /** The agent cannot take the offer. The slot returns to the queue, and is not offered to this agent at once. */
    z.object({ type: z.literal('declined'), ...SlotKey().shape, reason: Reason() }),
    /** The lease has ended, for any reason, so the slot is free. */
    z.object({ type: z.literal('ended'), ...SlotKey().shape }),
  ]),
);
export type ControlUp = Infer<typeof ControlUp>;

export const ControlDown = schema(() =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('welcome'), agent_id: z.string() }),
    z.object({
      type: z.literal('offer'),
      task_id: TaskId(),
      epoch: z.int(),
      session_id: SessionId(),
      expires_in_ms: z.int(),
      /** Shows the session that this agent was offered the slot; see `present` of the run socket. */
      proof: z.string(),
    }),
    /** The session no longer wants this slot. */
    z.object({ type: z.literal('cancel'), task_id: TaskId(), epoch: z.int() }),
    /**
     * This process must stop: another instance of the agent is alive, the id belongs to another agent, or the agent was
     * removed.
     */
    z.object({ type: z.literal('superseded'), reason: z.string(), removed: z.literal(true).optional() }),
  ]),
);
export type ControlDown = Infer<typeof ControlDown>;
