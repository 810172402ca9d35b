import * as z from 'zod';
import { AgentApprovalKind } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { AgentEventBody } from '../events/agent.ts';
import { ApprovalView } from '../session/approval.ts';
import { DiffFile } from '../session/checkpoint.ts';

/** A report of the agent. Frames are numbered from 1 in each (task, epoch, stream). */
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
      /** The number of the last message whose turn the conversation holds completely. */
      messages_done: z.int().min(0),
      base_commit: z.string().nullable(),
      patch: z.object({ artifact_id: Uuid, bytes: z.int(), sha256: z.string() }).nullable(),
      conversation: z.object({ artifact_id: Uuid, bytes: z.int(), sha256: z.string(), format: z.string() }).nullable(),
      files: z.array(DiffFile).max(1_000),
      /** The patch is larger than MAX_PATCH_BYTES and stayed on the agent's machine. */
      local_only: z.boolean(),
      requested: z.boolean(),
    }),
  }),
  /** The lease's work is done. The session replies with `ended`, or with `message` commands that continue the lease. */
  z.object({
    type: z.literal('result'),
    data: z.object({
      status: z.enum(['completed', 'partial', 'failed']),
      text: z.string().max(100_000),
      messages_done: z.int().min(0),
      error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
    }),
  }),
  /** The agent releases the lease without a result: it was paused or stopped, or the agent cannot continue. */
  z.object({
    type: z.literal('released'),
    data: z.object({ reason: z.enum(['paused', 'stopped', 'refused', 'shutdown', 'lost']), message: z.string() }),
  }),
]);
export type AgentFrameBody = z.infer<typeof AgentFrameBody>;

export const AgentFrame = z.intersection(z.object({ n: z.int().min(1) }), AgentFrameBody);
export type AgentFrame = { n: number } & AgentFrameBody;
