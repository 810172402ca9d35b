import * as z from 'zod';
import { CursorText } from '../common/cursor-text.ts';
import { SessionAction, SessionPriority, SessionStatus, SessionType } from '../common/enums.ts';
import { SessionId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { type Infer, schema } from '../common/schema.ts';
import { MergeStrategy } from '../context/merge.ts';
import { ApprovalView } from './approval.ts';
import { CheckpointView } from './checkpoint.ts';
import { Check } from './checks.ts';
import { SessionPlan } from './decomposition.ts';
import { BranchDelivery, DeliverRequest } from './deliver.ts';
import { QueuePlace } from './queue.ts';
import { AgentConfig, Repository } from './requests.ts';
import { SessionRequirements } from './requirements.ts';
import { TaskView } from './task.ts';

/** The API's view of a session. */

export const Usage = schema(() =>
  z
    .object({
      turns: z.int(),
      input_tokens: z.int(),
      output_tokens: z.int(),
      reasoning_tokens: z.int(),
      cache_read_tokens: z.int(),
      cache_write_tokens: z.int(),
      cost_usd: z.number(),
      /** Turns that `cost_usd` lacks: the model has no price in OpenCode, or the turn was cut off. */
      unpriced_turns: z.int(),
    })
    .meta({
      id: 'Usage',
      description: 'Model turns, tokens and cost, including sub-agents. The cost lacks that of the unpriced turns.',
      example: {
        turns: 2,
        input_tokens: 1_620,
        output_tokens: 48,
        reasoning_tokens: 0,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        cost_usd: 0.0056,
        unpriced_turns: 0,
      },
    }),
);
export type Usage = Infer<typeof Usage>;

export const SessionError = schema(() =>
  z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).meta({
    id: 'SessionError',
    description: 'Why a session did not complete.',
    example: { code: 'attempts_exhausted', message: 'The lease was lost 3 times.', retryable: true },
  }),
);
export type SessionError = Infer<typeof SessionError>;

export const DeliveryView = schema(() =>
  z
    .object({
      destination: z.string(),
      waiting: z.int(),
      parked: z.int(),
      /** Why the destination rejected one of them. */
      last_error: z.string().nullable(),
      /** Null if the next attempt is not delayed. */
      next_attempt_at: Instant().nullable(),
    })
    .meta({
      id: 'DeliveryView',
      description:
        'What the session has not delivered to another store. Parked entries were rejected ten times and are not sent again.',
      example: {
        destination: 'history',
        waiting: 1,
        parked: 0,
        last_error: null,
        next_attempt_at: '2026-11-22T15:05:05.678Z',
      },
    }),
);
export type DeliveryView = Infer<typeof DeliveryView>;

const SessionContextCounts = schema(() =>
  z
    .object({
      id: Uuid(),
      version: z.int(),
      keys: z.int().meta({ description: 'How many values it has. An array is one value.' }),
      open_conflicts: z.int(),
    })
    .meta({
      id: 'SessionContextCounts',
      description: 'What the main context of the session has, also after its end. Null if it has none.',
      example: { id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', version: 2, keys: 3, open_conflicts: 0 },
    }),
);

export const EXAMPLE_SESSION = {
  id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
  title: 'TEST-Session-001',
  initial_prompt: 'Test task',
  version: 3,
  status: 'running' as const,
  session_type: 'execution' as const,
  priority: 'medium' as const,
  agent_config: {},
  required_capabilities: [],
  required_labels: [],
  min_performance_tier: null,
  preferred_labels: {},
  preferred_agent_type: null,
  preferred_agent_ids: [],
  technologies: [],
  allow_rebalance: false,
  repository: {},
  tags: [],
  metadata: {},
  max_duration_seconds: 3_600,
  max_attempts: 3,
  max_parallel: 4,
  checks: [],
  max_check_rounds: 2,
  on_conflict_risk: 'note' as const,
  merge_strategy: 'manual' as const,
  plan: 'none' as const,
  approval_default: 'reject' as const,
  approval_timeout_seconds: 900,
  parent_session_id: null,
  created_at: '2026-11-22T15:04:00.000Z',
  updated_at: '2026-11-22T15:04:05.678Z',
  started_at: '2026-11-22T15:04:01.000Z',
  ended_at: null,
  active_seconds: 4.678,
  health_score: 0.9,
  requested_action: null,
  legal_actions: ['pause' as const, 'stop' as const, 'cancel' as const, 'complete' as const, 'fail' as const],
  result: null,
  error: null,
  open_approvals: 0,
  checkpoint_count: 0,
  delivery: null,
  cursor: '5f2b9c1e.12',
};

export const SessionView = schema(() =>
  z
    .object({
      id: SessionId(),
      title: z.string(),
      initial_prompt: z.string(),
      version: z.int().meta({
        description: 'Grows with each change of the status and of what people change. The `ETag` has it too.',
      }),
      status: SessionStatus(),
      session_type: SessionType(),
      priority: SessionPriority(),
      agent_config: AgentConfig(),
      ...SessionRequirements().shape,
      repository: Repository(),
      tags: z.array(z.string()),
      metadata: z.record(z.string(), z.unknown()),
      max_duration_seconds: z.int(),
      max_attempts: z.int(),
      max_parallel: z.int(),
      checks: z.array(Check()),
      max_check_rounds: z.int(),
      on_conflict_risk: z.enum(['note', 'steer']),
      merge_strategy: MergeStrategy(),
      plan: SessionPlan(),
      approval_default: z.enum(['once', 'reject']),
      approval_timeout_seconds: z.int(),
      parent_session_id: SessionId().nullable(),
      /** How the work is delivered when the session has completed. */
      deliver: DeliverRequest().optional(),
      created_at: Instant(),
      updated_at: Instant(),
      started_at: Instant().nullable(),
      ended_at: Instant().nullable(),
      /** The time spent running or degraded, which `max_duration_seconds` limits. */
      active_seconds: z.number(),
      health_score: z.number().min(0).max(1),
      /** A pause or stop that waits for the agent to finish its step. */
      requested_action: z.enum(['pause', 'stop']).nullable(),
      legal_actions: z.array(SessionAction()),
      result: z.record(z.string(), z.unknown()).nullable(),
      error: SessionError().nullable(),
      open_approvals: z.int(),
      checkpoint_count: z.int(),
      /** Null if none was asked for. */
      delivery: BranchDelivery().nullable(),
      /** The cursor of the log's head, from which a watcher can continue after reading this view. */
      cursor: CursorText(),
      /** Only when the session is read, and while it waits for an agent. */
      queue: QueuePlace().optional(),
      tasks: z.array(TaskView()).optional(),
      checkpoints: z.array(CheckpointView()).optional(),
      approvals: z.array(ApprovalView()).optional(),
      usage: Usage().optional(),
      deliveries: z.array(DeliveryView()).optional(),
      context: SessionContextCounts().nullable().optional(),
    })
    .meta({ id: 'Session', description: 'A session.', example: EXAMPLE_SESSION }),
);
export type SessionView = Infer<typeof SessionView>;

export const SessionInclude = schema(() =>
  z.enum(['tasks', 'checkpoints', 'approvals', 'usage', 'deliveries', 'context']),
);
export type SessionInclude = Infer<typeof SessionInclude>;
