import * as z from 'zod';
import { Delivery, SessionStatus, TaskStatus } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { type Infer, schema } from '../common/schema.ts';
import { ToolState } from '../events/agent.ts';
import { ApprovalView } from './approval.ts';
import { CheckpointView } from './checkpoint.ts';
import { CheckOutcome } from './checks.ts';
import { DecompositionStep } from './decomposition.ts';
import { SessionError, Usage } from './session.ts';

/**
 * An item of a session's transcript. `task` is the number of its task, or 0 for the session as a whole. `at` is when it
 * was logged; of a text, when its newest part was. An item that an earlier release has stored may have no `at`.
 */
export const TranscriptItem = schema(() => {
  const item = { id: z.string(), task: z.int().min(0), seq: z.int().min(1), at: Instant().optional() };
  return z
    .discriminatedUnion('kind', [
      z.object({
        kind: z.literal('prompt'),
        ...item,
        number: z.int().min(1),
        text: z.string(),
        delivery: Delivery(),
        by: z.string(),
      }),
      z.object({ kind: z.enum(['text', 'reasoning']), ...item, text: z.string(), done: z.boolean() }),
      z.object({
        kind: z.literal('tool'),
        ...item,
        tool: z.string(),
        state: ToolState(),
        title: z.string(),
        input: z.record(z.string(), z.unknown()),
        output: z.string(),
        error: z.string().nullable(),
        truncated: z.boolean(),
        /** Of a command that was ended, null; undefined for other tools and before the end. */
        exit_code: z.int().nullable().optional(),
        /** When the call ended; absent before. */
        ended_at: Instant().optional(),
      }),
      z.object({ kind: z.literal('file'), ...item, path: z.string() }),
      /** `next_at`: when the model is asked again. */
      z.object({
        kind: z.literal('retry'),
        ...item,
        attempt: z.int(),
        message: z.string(),
        next_at: Instant().optional(),
      }),
      z.object({ kind: z.literal('note'), level: z.enum(['info', 'warning', 'error']), ...item, text: z.string() }),
      /** A check of the task. `outcome`: null while it runs. */
      z.object({
        kind: z.literal('check'),
        ...item,
        round: z.int(),
        command: z.string(),
        timeout_seconds: z.int().optional(),
        outcome: CheckOutcome().nullable(),
        exit_code: z.int().nullable(),
        ms: z.int(),
        output: z.string(),
      }),
      /** `quality`: from 0 to 1. */
      z.object({
        kind: z.literal('rating'),
        ...item,
        agent_name: z.string(),
        quality: z.number(),
        comment: z.string().optional(),
        by: z.string(),
      }),
      z.object({
        kind: z.literal('status'),
        ...item,
        from: SessionStatus(),
        to: SessionStatus(),
        reason: z.string(),
      }),
    ])
    .meta({
      id: 'TranscriptItem',
      description: 'An entry of a session’s transcript.',
      example: { id: 'file-7', task: 1, seq: 7, at: '2026-11-22T15:04:05.678Z', kind: 'file', path: 'hello.txt' },
    });
});
export type TranscriptItem = Infer<typeof TranscriptItem>;

export const TaskState = schema(() =>
  z
    .object({
      status: TaskStatus(),
      /** Of a task that was created with a graph. */
      title: z.string().optional(),
      parent: z.int().nullable().optional(),
      depends_on: z.array(z.int()).optional(),
      /** The number of the message that is its prompt. Later ones are said while it goes on. */
      prompt: z.int().optional(),
      /** How far it is split into parts. */
      decomposition: DecompositionStep().optional(),
      /** The holder of the task's lease. */
      agent: z.object({ id: Uuid(), name: z.string(), epoch: z.int() }).nullable(),
      model: z.string().nullable(),
      todo: z.array(z.object({ content: z.string(), status: z.string() })),
      usage: Usage(),
    })
    .meta({
      id: 'TaskState',
      description: 'What a session’s log says about one task.',
      example: {
        status: 'pending',
        agent: null,
        model: null,
        todo: [],
        usage: {
          turns: 0,
          input_tokens: 0,
          output_tokens: 0,
          reasoning_tokens: 0,
          cache_read_tokens: 0,
          cache_write_tokens: 0,
          cost_usd: 0,
          unpriced_turns: 0,
        },
      },
    }),
);
export type TaskState = Infer<typeof TaskState>;

/**
 * The visible state of a session, a fold of its log (`src/domain/session/session-state.ts`). The server stores it as the
 * base of a trimmed log, and every client computes the same fold. Therefore a client that resumed, a client that got a
 * snapshot, and the server agree.
 */
export const SessionState = schema(() =>
  z.object({
    /** The log is folded up to this number. */
    seq: z.int().min(0),
    title: z.string(),
    status: SessionStatus(),
    requested_action: z.enum(['pause', 'stop']).nullable(),
    result: z.record(z.string(), z.unknown()).nullable(),
    error: SessionError().nullable(),
    /** The items of all tasks, in the order of the log. */
    transcript: z.array(TranscriptItem()),
    /** The number of items that were dropped from the transcript's beginning. */
    dropped_items: z.int().min(0),
    /** The newest approvals and checkpoints of all tasks, oldest first. */
    approvals: z.array(ApprovalView()),
    checkpoints: z.array(CheckpointView()),
    /** The usage of all tasks together. */
    usage: Usage(),
    /** The tasks by number. */
    tasks: z.record(z.string().regex(/^[1-9]\d*$/), TaskState()),
  }),
);
export type SessionState = Infer<typeof SessionState>;
