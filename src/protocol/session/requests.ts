import * as z from 'zod';
import { Decision, Delivery, PermissionAction, SessionPriority, SessionType } from '../common/enums.ts';
import { SessionId } from '../common/ids.ts';
import { exceedsBytes } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { hasControls } from '../common/text.ts';
import { hasCredentials } from '../common/url.ts';
import { MergeStrategy } from '../context/merge.ts';
import { Ceilings } from './ceilings.ts';
import { Check, CheckMembers, GivenChecks, MaxCheckRounds } from './checks.ts';
import { SessionPlan } from './decomposition.ts';
import { DeliverRequest } from './deliver.ts';
import { AllowRebalance, ChoiceMembers, SessionRequirements } from './requirements.ts';
import { MaxAttempts, PromptText } from './task-members.ts';
import { NO_CONTROLS, Title } from './title.ts';

/** The bodies of requests on sessions, with their defaults and limits. */

/** Limits of members in bytes of JSON. A session with all members at their limits is smaller than MAX_STORED_BYTES. */
const KIB = 1_024;
const METADATA_MAX_BYTES = 16 * KIB;
const ANSWERS_MAX_BYTES = 64 * KIB;
const RESULT_MAX_BYTES = 256 * KIB;
const SESSION_MAX_BYTES = 512 * KIB;
const MAX_PERMISSIONS = 100;

function jsonFits(value: unknown, maxBytes: number): boolean {
  return !exceedsBytes(JSON.stringify(value), maxBytes);
}

function hasAtMost(record: object, entries: number): boolean {
  return Object.keys(record).length <= entries;
}

const PermissionPatterns = schema(() =>
  z
    .record(z.string().min(1).max(200), PermissionAction())
    .refine((patterns) => hasAtMost(patterns, MAX_PERMISSIONS), `must have at most ${MAX_PERMISSIONS} patterns`),
);

export const AgentConfig = schema(() =>
  z
    .strictObject({
      model: z.string().min(1).max(200).optional(),
      agent: z.string().min(1).max(100).optional(),
      system: z.string().min(1).max(20_000).optional(),
      permissions: z
        .record(
          z.string().regex(/^[a-z_]{1,50}$/, 'must be lower-case letters and _, such as edit'),
          z.union([PermissionAction(), PermissionPatterns()]),
        )
        .refine(
          (permissions) => hasAtMost(permissions, MAX_PERMISSIONS),
          `must have at most ${MAX_PERMISSIONS} permissions`,
        )
        .optional(),
      ...Ceilings().partial().shape,
    })
    .meta({
      id: 'AgentConfig',
      description: 'How the agent works: `provider/model`, OpenCode agent, extra system text, permissions, ceilings.',
      example: { model: 'anthropic/claude-sonnet', permissions: { edit: 'ask' }, max_turns: 40, max_cost_usd: 2 },
    }),
);
export type AgentConfig = Infer<typeof AgentConfig>;

export const Repository = schema(() =>
  z
    .strictObject({
      url: z
        .string()
        .min(1)
        .max(500)
        .refine((url) => !hasCredentials(url), 'must not have a password or token: agents use those of their own clone')
        .optional(),
      base_commit: z
        .string()
        .regex(/^[0-9a-f]{7,64}$/, 'must be the hash of a commit')
        .optional(),
      ref: z
        .string()
        .regex(/^\w(?!.*\.\.)[\w./-]{0,199}$/, 'must be the name of a branch')
        .optional(),
      directory: z
        .string()
        .min(1)
        .max(500)
        .refine(
          (path) => !path.startsWith('/') && !path.split('/').includes('..'),
          'must be a relative path inside the repository',
        )
        .optional(),
    })
    .refine(
      ({ base_commit, ref }) => base_commit === undefined || ref === undefined,
      'can have a base_commit or a ref, not both',
    )
    .meta({
      id: 'Repository',
      description:
        'Where the work happens; by default, the agent’s own directory at its HEAD. With `ref`, the work starts from that branch of `origin`, as it is there. With `url`, only agents whose clone has that URL as a remote get the session. Once begun, it can continue in a shallow clone only with a `url`.',
      example: { base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904', directory: 'packages/api' },
    }),
);
export type Repository = Infer<typeof Repository>;

const Tag = schema(() =>
  z
    .string()
    .trim()
    .min(1)
    .max(50)
    .refine((tag) => !hasControls(tag), NO_CONTROLS),
);
const Tags = schema(() =>
  z
    .array(Tag())
    .max(20)
    .overwrite((tags) => [...new Set(tags)]),
);
const Metadata = schema(() =>
  z
    .record(z.string().min(1).max(100), z.unknown())
    .refine((metadata) => jsonFits(metadata, METADATA_MAX_BYTES), 'must be at most 16 KiB of JSON'),
);

/** What follows when two tasks edit the same file at the same time. */
export const OnConflictRisk = schema(() =>
  z.enum(['note', 'steer']).meta({
    description:
      'What follows when two tasks edit the same file at the same time. Both tasks say so (`conflict_risk`); `steer`: the agent of the later one also gets a message with the other change.',
  }),
);

const MaxParallel = schema(() =>
  z.int().min(1).max(50).meta({ description: 'How many tasks may have an agent, or ask for one, at a time.' }),
);

export const CreateSessionRequest = schema(() =>
  z
    .strictObject({
      title: Title(),
      initial_prompt: PromptText(),
      session_type: SessionType().default('execution'),
      priority: SessionPriority().default('medium'),
      agent_config: AgentConfig().default({}),
      ...SessionRequirements().shape,
      repository: Repository().default({}),
      tags: Tags().default([]),
      metadata: Metadata().default({}),
      max_duration_seconds: z.int().min(60).max(86_400).default(3_600),
      max_attempts: MaxAttempts().default(3),
      max_parallel: MaxParallel().default(4),
      ...CheckMembers().shape,
      on_conflict_risk: OnConflictRisk().default('note'),
      merge_strategy: MergeStrategy().default('manual'),
      plan: SessionPlan().default('none'),
      approval_default: z.enum(['once', 'reject']).default('reject'),
      approval_timeout_seconds: z.int().min(1).max(86_400).default(900),
      parent_session_id: SessionId().optional(),
      deliver: DeliverRequest().optional(),
    })
    .refine((session) => jsonFits(session, SESSION_MAX_BYTES), 'must be at most 512 KiB of JSON')
    .meta({
      id: 'CreateSessionRequest',
      description: 'A new session with its prompt.',
      example: { title: 'TEST-Session-001', initial_prompt: 'Test task' },
    }),
);
export type CreateSessionRequest = Infer<typeof CreateSessionRequest>;

export const SessionChanges = schema(() =>
  z
    .strictObject({
      title: Title().optional(),
      priority: SessionPriority().optional(),
      tags: Tags().optional(),
      metadata: Metadata().optional(),
      ...ChoiceMembers().partial().shape,
      allow_rebalance: AllowRebalance().optional(),
      checks: z.array(Check()).optional(),
      max_check_rounds: MaxCheckRounds().optional(),
      max_parallel: MaxParallel().optional(),
      on_conflict_risk: OnConflictRisk().optional(),
      merge_strategy: MergeStrategy().optional(),
    })
    .meta({ id: 'SessionChanges', description: 'The new values of changed members.', example: { priority: 'high' } }),
);
export type SessionChanges = Infer<typeof SessionChanges>;

export const UpdateSessionRequest = schema(() =>
  z
    .strictObject({
      title: Title().optional(),
      priority: SessionPriority().nullable().optional(),
      tags: Tags().nullable().optional(),
      metadata: Metadata().nullable().optional(),
      ...ChoiceMembers().partial().shape,
      preferred_labels: ChoiceMembers().shape.preferred_labels.nullable().optional(),
      preferred_agent_ids: ChoiceMembers().shape.preferred_agent_ids.nullable().optional(),
      technologies: ChoiceMembers().shape.technologies.nullable().optional(),
      allow_rebalance: AllowRebalance().nullable().optional(),
      checks: GivenChecks().nullable().optional(),
      max_check_rounds: MaxCheckRounds().nullable().optional(),
      max_parallel: MaxParallel().nullable().optional(),
      on_conflict_risk: OnConflictRisk().nullable().optional(),
      merge_strategy: MergeStrategy().nullable().optional(),
    })
    .refine((body) => Object.keys(body).length > 0, 'must have at least one member')
    .meta({
      id: 'UpdateSessionRequest',
      description:
        'Members to change; null sets one back to its default. `metadata` is replaced, but sent as `application/merge-patch+json` it changes only the members that it names, and removes those that are null. An agent that works already keeps the `checks` of the session that it was given; pause and resume the session to let it have the new ones.',
      example: { priority: 'high' },
    }),
);
export type UpdateSessionRequest = Infer<typeof UpdateSessionRequest>;

export const CompleteSessionRequest = schema(() =>
  z
    .strictObject({
      result: z
        .looseObject({ success: z.boolean().default(true), summary: z.string().max(20_000).optional() })
        .refine((result) => jsonFits(result, RESULT_MAX_BYTES), 'must be at most 256 KiB of JSON'),
    })
    .meta({
      id: 'CompleteSessionRequest',
      description: 'The result of an external executor. `success: false` makes it a failure.',
      example: { result: { success: true } },
    }),
);
export type CompleteSessionRequest = Infer<typeof CompleteSessionRequest>;

export const FailSessionRequest = schema(() =>
  z
    .strictObject({
      error: z.strictObject({
        code: z.string().min(1).max(100).optional(),
        message: z.string().min(1).max(5_000),
        retryable: z.boolean().optional(),
      }),
    })
    .meta({
      id: 'FailSessionRequest',
      description: 'Why the session failed.',
      example: { error: { code: 'build_broken', message: 'npm test exited 1', retryable: true } },
    }),
);
export type FailSessionRequest = Infer<typeof FailSessionRequest>;

export const EndToolsRequest = schema(() =>
  z.strictObject({ call_id: z.string().min(1).max(200).optional() }).meta({
    id: 'EndToolsRequest',
    description: 'The call of the `bash` tool to end; without it, all that run.',
    example: {},
  }),
);
export type EndToolsRequest = Infer<typeof EndToolsRequest>;

export const EndToolsRequested = schema(() =>
  z.object({ requested: z.literal(true) }).meta({
    id: 'EndToolsRequested',
    description: 'The agent was asked to end the commands. A note in the log says what it has ended.',
    example: { requested: true },
  }),
);
export type EndToolsRequested = Infer<typeof EndToolsRequested>;

export const RetrySessionRequest = schema(() =>
  z
    .strictObject({
      from: z.union([z.enum(['last', 'fresh']), z.int().min(1)]).default('last'),
      /** Optional extra prompt, added after the completed ones. Without it, only unfinished prompts run. */
      message: PromptText().optional(),
    })
    .meta({
      id: 'RetrySessionRequest',
      description: 'Where to retry from: the last checkpoint, a checkpoint by number, or the beginning (`fresh`).',
      example: { from: 'last' },
    }),
);
export type RetrySessionRequest = Infer<typeof RetrySessionRequest>;

export const StopSessionRequest = schema(() =>
  z
    .strictObject({ reason: z.string().min(1).max(1_000).optional() })
    .meta({ id: 'StopSessionRequest', description: 'The reason, for the log.', example: { reason: 'superseded' } }),
);
export type StopSessionRequest = Infer<typeof StopSessionRequest>;

export const SendMessageRequest = schema(() =>
  z.strictObject({ text: PromptText(), delivery: Delivery().optional() }).meta({
    id: 'SendMessageRequest',
    description: 'A message that steers the running turn (the default while one runs) or queues a follow-up prompt.',
    example: { text: 'Use the existing helper instead.', delivery: 'steer' },
  }),
);
export type SendMessageRequest = Infer<typeof SendMessageRequest>;

export const AnswerApprovalRequest = schema(() =>
  z
    .strictObject({
      decision: Decision(),
      message: z.string().min(1).max(5_000).optional(),
      answers: z
        .array(z.array(z.string().max(5_000)).max(50))
        .max(50)
        .refine((answers) => jsonFits(answers, ANSWERS_MAX_BYTES), 'must be at most 64 KiB of JSON')
        .optional(),
    })
    .meta({
      id: 'AnswerApprovalRequest',
      description: 'An answer to an approval. For a question, `answers` has the chosen labels for each of its parts.',
      example: { decision: 'once' },
    }),
);
export type AnswerApprovalRequest = Infer<typeof AnswerApprovalRequest>;

export const MessageAccepted = schema(() =>
  z.object({ number: z.int(), delivery: Delivery() }).meta({
    id: 'MessageAccepted',
    description: 'The message’s number in the session.',
    example: { number: 2, delivery: 'steer' },
  }),
);
export type MessageAccepted = Infer<typeof MessageAccepted>;
