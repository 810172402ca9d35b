import { z } from 'zod';
import { CURSOR_PATTERN } from '../common/cursor.ts';
import { ApprovalKind, Decision, Delivery, SessionStatus, TaskStatus } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { ApprovalView } from '../session/approval.ts';
import { CheckpointView } from '../session/checkpoint.ts';
import { UpdateSessionRequest } from '../session/requests.ts';
import { SessionError } from '../session/session.ts';

/**
 * What a session's log holds. The log is the truth: a session's visible state is a pure fold of it
 * (`src/domain/session/session-state.ts`), on the server and in every client.
 *
 * Text streams as increments: `offset` is the number of UTF-16 units of the part that came before, so applying an
 * increment twice, or a compacted run over its own increments, changes nothing.
 */

const MAX_PART_CHARS = 4_000_000;

const partText = z.object({
  message_id: z.string(),
  part_id: z.string(),
  offset: z.int().min(0).max(MAX_PART_CHARS),
  text: z.string(),
});

export const ToolState = z.enum(['pending', 'running', 'completed', 'error']);
export type ToolState = z.infer<typeof ToolState>;

/** What an agent reports of its work; the session appends these as they come. */
export const AgentEventBody = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('turn.started'),
    data: z.object({ turn: z.int(), message: z.int(), model: z.string().nullable(), agent: z.string().nullable() }),
  }),
  z.object({ type: z.literal('text.delta'), data: partText }),
  z.object({ type: z.literal('reasoning.delta'), data: partText }),
  /** The part has its whole text: `length` UTF-16 units. Its increments may now be compacted. */
  z.object({
    type: z.literal('part.completed'),
    data: z.object({ message_id: z.string(), part_id: z.string(), length: z.int() }),
  }),
  z.object({
    type: z.literal('tool'),
    data: z.object({
      message_id: z.string(),
      call_id: z.string(),
      tool: z.string(),
      state: ToolState,
      title: z.string().optional(),
      input: z.record(z.string(), z.unknown()).optional(),
      output: z.string().optional(),
      error: z.string().optional(),
      truncated: z.boolean().optional(),
    }),
  }),
  z.object({ type: z.literal('file.edited'), data: z.object({ path: z.string() }) }),
  z.object({
    type: z.literal('todo'),
    data: z.object({ items: z.array(z.object({ content: z.string(), status: z.string() })) }),
  }),
  /** One model turn's tokens and cost: an increment. `sub_agent`: spent by a session that the agent started. */
  z.object({
    type: z.literal('usage'),
    data: z.object({
      model: z.string().nullable(),
      sub_agent: z.boolean(),
      input_tokens: z.int(),
      output_tokens: z.int(),
      reasoning_tokens: z.int(),
      cache_read_tokens: z.int(),
      cache_write_tokens: z.int(),
      cost_usd: z.number(),
    }),
  }),
  /** The model failed and is asked again; the session is degraded until the next sign of progress. */
  z.object({
    type: z.literal('model.retry'),
    data: z.object({ attempt: z.int(), message: z.string(), next_in_ms: z.int().nullable() }),
  }),
  z.object({
    type: z.literal('agent.note'),
    data: z.object({ level: z.enum(['info', 'warning', 'error']), text: z.string() }),
  }),
  /** The prompt `message` is done; `text` is in the deltas. */
  z.object({
    type: z.literal('turn.completed'),
    data: z.object({ turn: z.int(), message: z.int(), finish: z.string() }),
  }),
]);
export type AgentEventBody = z.infer<typeof AgentEventBody>;

/** What the session itself records. */
export const SessionEventBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session.created'), data: z.object({ title: z.string() }) }),
  z.object({ type: z.literal('session.updated'), data: UpdateSessionRequest }),
  z.object({
    type: z.literal('session.status'),
    data: z.object({
      from: SessionStatus,
      to: SessionStatus,
      reason: z.string(),
      result: z.record(z.string(), z.unknown()).optional(),
      error: SessionError.optional(),
    }),
  }),
  z.object({
    type: z.literal('session.action_requested'),
    data: z.object({ action: z.enum(['pause', 'stop']).nullable(), by: z.string() }),
  }),
  z.object({
    type: z.literal('task.status'),
    data: z.object({ from: TaskStatus, to: TaskStatus, epoch: z.int(), attempt: z.int() }),
  }),
  z.object({
    type: z.literal('lease.granted'),
    data: z.object({
      epoch: z.int(),
      agent_id: Uuid,
      agent_name: z.string(),
      checkpoint: z.int().nullable(),
    }),
  }),
  z.object({
    type: z.literal('lease.ended'),
    /** `message`: the agent's own words, when it gave the lease back. */
    data: z.object({ epoch: z.int(), reason: z.string(), message: z.string().optional() }),
  }),
  z.object({
    type: z.literal('lease.extended'),
    data: z.object({ epoch: z.int(), reason: z.string() }),
  }),
  z.object({
    type: z.literal('message.added'),
    data: z.object({ number: z.int(), text: z.string(), delivery: Delivery, by: z.string() }),
  }),
  z.object({ type: z.literal('approval.asked'), data: z.object({ approval: ApprovalView }) }),
  z.object({
    type: z.literal('approval.answered'),
    data: z.object({
      approval_id: Uuid,
      kind: ApprovalKind,
      decision: Decision,
      message: z.string().optional(),
      answers: z.array(z.array(z.string())).optional(),
      by: z.string(),
      expired: z.boolean(),
    }),
  }),
  z.object({ type: z.literal('approval.withdrawn'), data: z.object({ approval_id: Uuid, reason: z.string() }) }),
  z.object({ type: z.literal('checkpoint.created'), data: z.object({ checkpoint: CheckpointView }) }),
  /** A numbered frame of the agent that could not be used: it is consumed all the same, and on record. */
  z.object({
    type: z.literal('frame.rejected'),
    data: z.object({ epoch: z.int(), n: z.int(), reason: z.string() }),
  }),
]);
export type SessionEventBody = z.infer<typeof SessionEventBody>;

const place = {
  /** The range of the log that this event stands for: one place, or the run that it compacts. */
  from_seq: z.int().min(1),
  seq: z.int().min(1),
  at: Instant,
  /** The number of the task that the event is about; WHOLE_SESSION (0) for the session as a whole. */
  task: z.int().min(0),
};

export const SessionEvent = z.intersection(z.object(place), z.union([SessionEventBody, AgentEventBody])).meta({
  id: 'SessionEvent',
  description: 'An event of a session’s log.',
  example: {
    from_seq: 3,
    seq: 3,
    at: '2026-11-22T15:04:05.678Z',
    task: 0,
    type: 'session.status',
    data: { from: 'pending', to: 'queued', reason: 'start' },
  },
});
export type SessionEvent = { from_seq: number; seq: number; at: string; task: number } & (
  | SessionEventBody
  | AgentEventBody
);
export type EventBody = SessionEventBody | AgentEventBody;

export const CursorText = z
  .string()
  .regex(CURSOR_PATTERN, 'a cursor is written <incarnation>.<seq>')
  .meta({ id: 'Cursor', description: 'A place in a log.', example: '5f2b9c1e.12' });

export const EventPage = z
  .object({
    items: z.array(SessionEvent),
    /** Read on from here. */
    cursor: CursorText,
    has_more: z.boolean(),
    /** True when `after` could not be honoured (another incarnation, retired, or beyond the head). */
    reset: z.boolean(),
  })
  .meta({
    id: 'EventPage',
    description: 'A page of a session’s log.',
    example: { items: [], cursor: '5f2b9c1e.12', has_more: false, reset: false },
  });
export type EventPage = z.infer<typeof EventPage>;
