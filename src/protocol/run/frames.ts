import * as z from 'zod';
import { AgentApprovalKind } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { MAX_CONVERSATION_PARTS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { AgentEventBody, MAX_PART_CHARS } from '../events/agent.ts';
import { ApprovalView } from '../session/approval.ts';
import { DiffFile, Lacks } from '../session/checkpoint.ts';
import { SessionError } from '../session/session.ts';

/** A report of the agent. Frames are numbered from 1 in each (task, epoch, stream). */
export const AgentFrameBody = schema(() => {
  const artifact = { artifact_id: Uuid(), bytes: z.int(), sha256: z.string() };
  return z.discriminatedUnion('type', [
    ...AgentEventBody().options,
    z.object({
      type: z.literal('approval.asked'),
      data: z.object({
        /** The agent's own name for it; unique within the stream. */
        ask_id: z.string().min(1).max(200),
        kind: AgentApprovalKind(),
        title: z.string().max(500),
        permission: z.string().nullable(),
        patterns: z.array(z.string()).max(100),
        /** The wider patterns that `always` would allow. */
        always: z.array(z.string()).max(100),
        questions: ApprovalView().shape.questions,
        detail: z.record(z.string(), z.unknown()),
      }),
    }),
    z.object({
      type: z.literal('approval.withdrawn'),
      data: z.object({ ask_id: z.string(), reason: z.string() }),
    }),
    /** `index` counts from 0 without gaps; `data` is base64 of at most CHUNK_BYTES. */
    z.object({
      type: z.literal('artifact.chunk'),
      data: z.object({ artifact_id: Uuid(), index: z.int().min(0), data: z.base64() }),
    }),
    z.object({
      type: z.literal('checkpoint'),
      data: z.object({
        turn: z.int().min(0),
        /** The number of the last message whose turn the conversation holds completely. */
        messages_done: z.int().min(0),
        base_commit: z.string().nullable(),
        patch: z.object(artifact).nullable(),
        /** `parts`: the artifacts of this lease that hold what comes before, in order; see `max_conversation_parts`. */
        conversation: z
          .object({
            ...artifact,
            format: z.string(),
            parts: z.array(z.object(artifact)).max(MAX_CONVERSATION_PARTS).optional(),
          })
          .nullable(),
        files: z.array(DiffFile()).max(1_000),
        /** The work is too large for a patch and stayed on the agent's machine. */
        local_only: z.boolean(),
        requested: z.boolean(),
        lacks: Lacks(),
      }),
    }),
    /** The lease's work is done. The session replies with `ended`, or with `message` commands that continue the lease. */
    z.object({
      type: z.literal('result'),
      data: z.object({
        status: z.enum(['completed', 'partial', 'failed']),
        text: z.string().max(100_000),
        messages_done: z.int().min(0),
        /** Why the model ended its last answer, such as `stop` or `length`; null when that is not known. */
        finish: z.string().max(100).nullable().optional(),
        /** The number of files that differ from the base commit, as far as the checkpoint lists them. */
        files_changed: z.int().min(0).optional(),
        error: SessionError().nullable(),
      }),
    }),
    /** The agent releases the lease without a result: it was paused or stopped, or the agent cannot continue. */
    z.object({
      type: z.literal('released'),
      data: z.object({ reason: z.enum(['paused', 'stopped', 'refused', 'shutdown', 'lost']), message: z.string() }),
    }),
  ]);
});
export type AgentFrameBody = Infer<typeof AgentFrameBody>;

export const AgentFrame = schema(() => z.intersection(z.object({ n: z.int().min(1) }), AgentFrameBody()));
export type AgentFrame = { n: number } & AgentFrameBody;

/** A frame as it was read, without its number, or why it is none. */
export type ReadFrame = { ok: true; body: AgentFrameBody } | { ok: false; problem: string };

/**
 * Reads a numbered frame as `AgentFrame` does. Increments of text are nearly all of an agent's frames, so they are
 * checked by hand, which takes a tenth of the time; anything else, and an increment that is not in order, is the
 * schema's.
 */
export function readFrame(raw: unknown): ReadFrame {
  const increment = asIncrement(raw);
  if (increment) return { ok: true, body: increment };
  const parsed = AgentFrame().safeParse(raw);
  if (!parsed.success) return { ok: false, problem: parsed.error.issues[0]?.message ?? 'not a frame' };
  const { n: _, ...body } = parsed.data;
  return { ok: true, body: body as AgentFrameBody };
}

type Loose<T> = { [K in keyof T]?: unknown } | null;

function asIncrement(raw: unknown): AgentFrameBody | null {
  const { n, type, data } = (raw ?? {}) as { n?: unknown; type?: unknown; data?: Loose<Increment['data']> };
  if (type !== 'text.delta' && type !== 'reasoning.delta') return null;
  if (!isSafeInteger(n) || n < 1 || typeof data !== 'object' || data === null) return null;
  const { message_id, part_id, offset, text } = data;
  if (typeof message_id !== 'string' || typeof part_id !== 'string' || typeof text !== 'string') return null;
  if (!isSafeInteger(offset) || offset < 0 || offset > MAX_PART_CHARS) return null;
  return { type, data: { message_id, part_id, offset, text } };
}

type Increment = Extract<AgentFrameBody, { type: 'text.delta' }>;

function isSafeInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
