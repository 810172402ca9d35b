import { z } from 'zod';
import { ApprovalView } from './approval.ts';
import { CheckpointView, DiffFile } from './checkpoint.ts';
import { ApprovalKind, Capability, Decision, Delivery } from './enums.ts';
import { AgentEventBody } from './events.ts';
import { SessionId, TaskId, Uuid } from './ids.ts';
import { MAX_AGENT_CAPACITY, MAX_REMOTE_CHARS, MAX_REMOTES } from './limits.ts';
import { AgentConfig, Repository } from './session-requests.ts';

/**
 * The agent's two sockets, subprotocol `oio.v1`. An agent connects out; nothing ever connects to an agent.
 *
 * **Control** `GET /ws/agents/{agent_id}/control` → the workspace's registry: hello, offers, slots.
 * **Run** `GET /ws/leases/{task_id}/{epoch}` → the session itself: one socket per lease.
 *
 * An offer is not a lease. It becomes one when the agent *presents* (task, epoch) at the session; the first
 * (agent, instance) to present wins and anyone else hears `gone`. Epochs only grow; a frame of an old one is answered
 * `lease_lost` and changes nothing. What an agent does to the world directly cannot be fenced: events are exactly
 * once, side effects of tools at least once.
 *
 * `ping` as a bare text is answered `pong` without waking the object and keeps the lease alive.
 */

export const AgentName = z
  .string()
  .regex(/^AGENT-[A-Z0-9-]{1,60}$/, 'an agent’s name looks like AGENT-BUILD-01')
  .meta({ id: 'AgentName', description: 'What people call an agent.', example: 'AGENT-LOCAL' });

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
  z.object({ type: z.literal('taken'), task_id: TaskId, epoch: z.int() }),
  /** No room or no such repository here: back to the queue, not to this agent at once. */
  z.object({ type: z.literal('refused'), task_id: TaskId, epoch: z.int(), reason: z.string() }),
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
  z.object({ type: z.literal('withdraw'), task_id: TaskId, epoch: z.int() }),
  /** Another instance of this agent is connected and alive: stop. */
  z.object({ type: z.literal('superseded'), reason: z.string() }),
]);
export type ControlDown = z.infer<typeof ControlDown>;

/** A numbered thing that the agent reports. Numbers start at 1 in each (task, epoch, stream). */
export const AgentFrameBody = z.discriminatedUnion('type', [
  ...AgentEventBody.options,
  z.object({
    type: z.literal('approval.asked'),
    data: z.object({
      /** The agent's own name for it; unique within the stream. */
      request_id: z.string().min(1).max(200),
      kind: ApprovalKind,
      title: z.string().max(500),
      permission: z.string().nullable(),
      patterns: z.array(z.string()).max(100),
      /** The wider patterns that `always` would allow. */
      always: z.array(z.string()).max(100),
      questions: ApprovalView.shape.questions,
      detail: z.record(z.string(), z.unknown()),
    }),
  }),
  z.object({
    type: z.literal('approval.withdrawn'),
    data: z.object({ request_id: z.string(), reason: z.string() }),
  }),
  /** `index` counts from 0 without gaps; `data` is base64 of at most CHUNK_BYTES. */
  z.object({
    type: z.literal('artifact.chunk'),
    data: z.object({ artifact_id: Uuid, index: z.int().min(0), data: z.base64() }),
  }),
  z.object({
    type: z.literal('checkpoint'),
    data: z.object({
      turn: z.int().min(0),
      /** The last message (prompt) that the conversation holds whole. */
      messages_done: z.int().min(0),
      base_commit: z.string().nullable(),
      patch: z.object({ artifact_id: Uuid, bytes: z.int(), sha256: z.string() }).nullable(),
      conversation: z.object({ artifact_id: Uuid, bytes: z.int(), sha256: z.string(), format: z.string() }).nullable(),
      files: z.array(DiffFile).max(1_000),
      /** The work is larger than the bound and stayed on the agent's machine. */
      local_only: z.boolean(),
      requested: z.boolean(),
    }),
  }),
  /** The lease's work is done. Answered by `ended`, or by new `message` commands to go on with. */
  z.object({
    type: z.literal('result'),
    data: z.object({
      status: z.enum(['completed', 'partial', 'failed']),
      text: z.string().max(100_000),
      messages_done: z.int().min(0),
      error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
    }),
  }),
  /** The lease is given back without a result: paused, stopped, or not to be gone on with here. */
  z.object({
    type: z.literal('released'),
    data: z.object({ reason: z.enum(['paused', 'stopped', 'refused', 'shutdown', 'lost']), message: z.string() }),
  }),
]);
export type AgentFrameBody = z.infer<typeof AgentFrameBody>;

export const AgentFrame = z.intersection(z.object({ n: z.int().min(1) }), AgentFrameBody);
export type AgentFrame = { n: number } & AgentFrameBody;

export const RunUp = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('present'),
    agent_id: Uuid,
    agent_name: AgentName,
    instance_id: Uuid,
    /** Lives in the agent's buffer file: a lost buffer is another stream, and ends the lease. */
    stream_id: Uuid,
    /** The highest number that the buffer has given out. */
    head: z.int().min(0),
    repository: z.string().nullable(),
  }),
  /**
   * `frames` are parsed one by one, so that a bad one is rejected alone: a numbered frame is always consumed.
   */
  z.object({ type: z.literal('frames'), frames: z.array(z.unknown()).max(1_000) }),
  z.object({ type: z.literal('command_ack'), id: z.int().min(1) }),
]);
export type RunUp = z.infer<typeof RunUp>;

export const Assignment = z.object({
  session_id: SessionId,
  task_id: TaskId,
  epoch: z.int(),
  title: z.string(),
  agent_config: AgentConfig,
  repository: Repository,
  /** Prompts up to this number are in the checkpoint's conversation; the next ones come as `message` commands. */
  messages_done: z.int(),
  /** The last message there is now: with `messages_done` at it, there is nothing to prompt. */
  messages_last: z.int(),
  checkpoint: CheckpointView.extend({
    patch_artifact_id: z.string().nullable(),
    patch_sha256: z.string().nullable(),
    conversation_artifact_id: z.string().nullable(),
    conversation_sha256: z.string().nullable(),
    conversation_format: z.string().nullable(),
  }).nullable(),
});
export type Assignment = z.infer<typeof Assignment>;

export const Command = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    data: z.object({ number: z.int(), text: z.string(), delivery: Delivery }),
  }),
  z.object({
    type: z.literal('approval_reply'),
    data: z.object({
      request_id: z.string(),
      kind: ApprovalKind,
      decision: Decision,
      message: z.string().optional(),
      answers: z.array(z.array(z.string())).optional(),
    }),
  }),
  /** End the turn at its next step boundary, within `within_ms`; checkpoint; release. */
  z.object({ type: z.literal('pause'), data: z.object({ within_ms: z.int() }) }),
  z.object({ type: z.literal('stop'), data: z.object({ within_ms: z.int() }) }),
  z.object({ type: z.literal('checkpoint'), data: z.object({}) }),
]);
export type Command = z.infer<typeof Command>;

export const RunDown = z.discriminatedUnion('type', [
  /** The lease is yours. `acked`: the number up to which frames of this stream are stored. */
  z.object({ type: z.literal('lease'), assignment: Assignment, acked: z.int(), ttl_ms: z.int() }),
  /** Everything up to `n` is stored. */
  z.object({ type: z.literal('ack'), n: z.int() }),
  /** A gap: go on from `n`. */
  z.object({ type: z.literal('expected'), n: z.int() }),
  /** Numbered, kept until acknowledged, sent again after a reconnect; idempotent by `id`. */
  z.object({ type: z.literal('command'), id: z.int(), command: Command }),
  /** The lease has ended as it should (result stored, released): all is acknowledged, drop the buffer. */
  z.object({ type: z.literal('ended'), reason: z.string() }),
  /** It is not, or no longer, yours: abort the turn, drop the buffer. */
  z.object({ type: z.literal('lease_lost'), reason: z.string() }),
  /** Someone else was first, or the offer was withdrawn. */
  z.object({ type: z.literal('gone'), reason: z.string() }),
]);
export type RunDown = z.infer<typeof RunDown>;

export const AgentView = z
  .object({
    id: Uuid,
    name: AgentName,
    connected: z.boolean(),
    capacity: z.int(),
    slots_used: z.int(),
    capabilities: z.array(Capability),
    labels: z.array(z.string()),
    repository: z.string().nullable(),
    remotes: z.array(z.string()),
    model: z.string().nullable(),
    version: z.string(),
    last_seen_at: z.string(),
  })
  .meta({
    id: 'Agent',
    description: 'An agent as the registry knows it.',
    example: {
      id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
      name: 'AGENT-LOCAL',
      connected: true,
      capacity: 4,
      slots_used: 1,
      capabilities: ['code_generation'],
      labels: ['os=linux'],
      repository: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
      remotes: ['github.com/acme/web'],
      model: 'demo/scripted',
      version: '0.1.0',
      last_seen_at: '2026-11-22T15:04:05.678Z',
    },
  });
export type AgentView = z.infer<typeof AgentView>;

export const AgentList = z
  .object({ items: z.array(AgentView) })
  .meta({ id: 'AgentList', description: 'The workspace’s agents.', example: { items: [] } });
export type AgentList = z.infer<typeof AgentList>;
