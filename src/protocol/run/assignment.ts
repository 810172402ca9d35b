import * as z from 'zod';
import { AgentApprovalKind, Decision, Delivery, TaskKind } from '../common/enums.ts';
import { SessionId, TaskId } from '../common/ids.ts';
import { type Infer, schema } from '../common/schema.ts';
import { MergeStrategy } from '../context/merge.ts';
import { CheckpointView } from '../session/checkpoint.ts';
import { Check } from '../session/checks.ts';
import { DeliveryOrder } from '../session/deliver.ts';
import { AgentConfig, Repository } from '../session/requests.ts';
import { Usage } from '../session/session.ts';
import { Resolution, Start } from './start.ts';

export const Assignment = schema(() =>
  z.object({
    session_id: SessionId(),
    task_id: TaskId(),
    epoch: z.int(),
    title: z.string(),
    /** Absent from a session of an earlier release, whose tasks are all of the kind `work`. */
    kind: TaskKind().optional(),
    /** Only of the kind `deliver`. */
    delivery: DeliveryOrder().optional(),
    agent_config: AgentConfig(),
    repository: Repository(),
    /** Absent from a session of an earlier release. Then `checkpoint` has all work before the task. */
    start: Start().optional(),
    /** Only of a task of the kind `resolve`. */
    resolution: Resolution().optional(),
    /** How the task's values of the shared context are merged with those of others; without it, `manual`. */
    merge_strategy: MergeStrategy().optional(),
    /** What the run had used before this lease; the ceilings apply to the whole run. */
    usage_before: Usage().pick({ turns: true, cost_usd: true }),
    /** The checkpoint's conversation holds the prompts up to this number. The next ones follow as `message` commands. */
    messages_done: z.int(),
    /** The number of the newest message. If it equals `messages_done`, no prompt is left to run. */
    messages_last: z.int(),
    /** The most parts in which a checkpoint may send its conversation; without it, a conversation is sent whole. */
    max_conversation_parts: z.int().optional(),
    /** Whether the session knows `tool.output`; without it, the session rejects such a frame. */
    takes_tool_output: z.boolean().optional(),
    /**
     * The commands that must succeed before the work is done. The agent runs them when it would report a result, and
     * reports how they ended. Without it, the session knows no checks.
     */
    checks: z.array(Check()).optional(),
    /**
     * The checks of the session, if the task starts from the merged work of several others. The agent runs them before the
     * first prompt, as round 0, and tells the model which of them fail before it begins.
     */
    start_checks: z.array(Check()).optional(),
    /** The number of the next round of checks, from 1. */
    check_round: z.int().optional(),
    /**
     * Whether a person has chosen where the task starts: afresh, or from an older checkpoint. What the agent has kept of
     * the task is then no part of it.
     */
    is_start_chosen: z.boolean().optional(),
    checkpoint: CheckpointView()
      .extend({
        patch_artifact_id: z.string().nullable(),
        patch_sha256: z.string().nullable(),
        conversation_artifact_id: z.string().nullable(),
        conversation_sha256: z.string().nullable(),
        conversation_format: z.string().nullable(),
        /** The artifacts that come before `conversation_artifact_id`, in order. */
        conversation_parts: z.array(z.object({ artifact_id: z.string(), sha256: z.string() })).optional(),
      })
      .nullable(),
  }),
);
export type Assignment = Infer<typeof Assignment>;

export const Prompt = schema(() => z.object({ number: z.int(), text: z.string(), delivery: Delivery() }));
export type Prompt = Infer<typeof Prompt>;

export const Command = schema(() =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('message'), data: Prompt() }),
    z.object({
      type: z.literal('approval_reply'),
      data: z.object({
        ask_id: z.string(),
        kind: AgentApprovalKind(),
        decision: Decision(),
        message: z.string().optional(),
        answers: z.array(z.array(z.string())).optional(),
      }),
    }),
    /**
     * End the turn after its current step, at the latest after `within_ms`. Then take a checkpoint and release the lease.
     */
    z.object({ type: z.literal('pause'), data: z.object({ within_ms: z.int() }) }),
    z.object({ type: z.literal('stop'), data: z.object({ within_ms: z.int() }) }),
    z.object({ type: z.literal('checkpoint'), data: z.object({}) }),
    /** End the command of a call, or all running commands, and go on with the turn. */
    z.object({ type: z.literal('end_tools'), data: z.object({ call_id: z.string().optional() }) }),
  ]),
);
export type Command = Infer<typeof Command>;
