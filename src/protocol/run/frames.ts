import * as z from 'zod';
import { AgentApprovalKind } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { AgentEventBody } from '../events/agent.ts';
import { ApprovalView } from '../session/approval.ts';
import { DiffFile } from '../session/checkpoint.ts';

/** A numbered thing that the agent reports. Numbers start at 1 in each (task, epoch, stream). */
export const AgentFrameBody = z.discriminatedUnion('type', [
  ...AgentEventBody.options,
  z.object({
    type: z.literal('approval.asked'),
    data: z.object({
      /** The agent's own name for it; unique within the stream. */
      ask_id: z.string().min(1).max(200),
      kind: AgentApprovalKind,
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
    data: z.object({ ask_id: z.string(), reason: z.string() }),
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
