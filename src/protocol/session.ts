import { z } from 'zod';
import {
  ApprovalKind,
  ApprovalStatus,
  Capability,
  Decision,
  Delivery,
  PermissionAction,
  SessionAction,
  SessionPriority,
  SessionStatus,
  SessionType,
  TaskStatus,
} from './enums.ts';
import { SessionId, TaskId, Uuid } from './ids.ts';
import { utf8Length } from './limits.ts';

/** Bodies and views of the session API. Defaults and bounds live here and nowhere else. */

export const Instant = z.iso
  .datetime({ precision: 3 })
  .meta({ id: 'Instant', description: 'UTC, with milliseconds.', example: '2026-11-22T15:04:05.678Z' });

/**
 * Bounds of members in bytes of JSON. Together they leave room: a session with the largest of all is shown in less than
 * MAX_STORED_BYTES.
 */
const KIB = 1_024;
const METADATA_MAX_BYTES = 16 * KIB;
const ANSWERS_MAX_BYTES = 64 * KIB;
const RESULT_MAX_BYTES = 256 * KIB;
const SESSION_MAX_BYTES = 512 * KIB;
const MAX_PERMISSIONS = 100;

function jsonFits(value: unknown, maxBytes: number): boolean {
  return utf8Length(JSON.stringify(value)) <= maxBytes;
}

function hasAtMost(record: object, entries: number): boolean {
  return Object.keys(record).length <= entries;
}

const PermissionPatterns = z
  .record(z.string().min(1).max(200), PermissionAction)
  .refine((patterns) => hasAtMost(patterns, MAX_PERMISSIONS), `a permission has at most ${MAX_PERMISSIONS} patterns`);

export const AgentConfig = z
  .strictObject({
    model: z.string().min(1).max(200).optional(),
    agent: z.string().min(1).max(100).optional(),
    system: z.string().min(1).max(20_000).optional(),
    permissions: z
      .record(z.string().regex(/^[a-z_]{1,50}$/), z.union([PermissionAction, PermissionPatterns]))
      .refine((permissions) => hasAtMost(permissions, MAX_PERMISSIONS), `at most ${MAX_PERMISSIONS} permissions`)
      .optional(),
    max_turns: z.int().min(1).max(1_000).optional(),
  })
  .meta({
    id: 'AgentConfig',
    description:
      'How the agent is to work: `provider/model`, OpenCode agent, extra system text, permissions, turn limit.',
    example: { model: 'anthropic/claude-sonnet', permissions: { edit: 'ask' }, max_turns: 40 },
  });
export type AgentConfig = z.infer<typeof AgentConfig>;

export const Repository = z
  .strictObject({
    url: z.string().min(1).max(500).optional(),
    base_commit: z
      .string()
      .regex(/^[0-9a-f]{7,64}$/)
      .optional(),
    directory: z
      .string()
      .min(1)
      .max(500)
      .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'a path inside the repository')
      .optional(),
  })
  .meta({
    id: 'Repository',
    description: 'Where the work happens; without it, the agent’s own directory at its HEAD.',
    example: { base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904', directory: 'packages/api' },
  });
export type Repository = z.infer<typeof Repository>;

const Tag = z.string().trim().min(1).max(50);
const Label = z.string().regex(/^[a-z0-9_.-]{1,63}=\S{1,200}$/, 'labels are written name=value');
const Metadata = z
  .record(z.string().min(1).max(100), z.unknown())
  .refine((metadata) => jsonFits(metadata, METADATA_MAX_BYTES), 'metadata is at most 16 KiB of JSON');

const writable = {
  title: z.string().trim().min(3).max(100),
  priority: SessionPriority,
  tags: z.array(Tag).max(20),
  metadata: Metadata,
};

export const CreateSessionRequest = z
  .strictObject({
    title: writable.title,
    initial_prompt: z.string().min(1).max(100_000),
    session_type: SessionType.default('execution'),
    priority: writable.priority.default('medium'),
    agent_config: AgentConfig.default({}),
    required_capabilities: z.array(Capability).max(31).default([]),
    required_labels: z.array(Label).max(20).default([]),
    repository: Repository.default({}),
    tags: writable.tags.default([]),
    metadata: writable.metadata.default({}),
    max_duration_seconds: z.int().min(60).max(86_400).default(3_600),
    max_attempts: z.int().min(1).max(10).default(3),
    max_parallel: z.int().min(1).max(50).default(4),
    approval_default: z.enum(['once', 'reject']).default('reject'),
    approval_timeout_seconds: z.int().min(1).max(86_400).default(900),
    parent_session_id: SessionId.optional(),
  })
  .refine((session) => jsonFits(session, SESSION_MAX_BYTES), 'a session is at most 512 KiB of JSON')
  .meta({
    id: 'CreateSessionRequest',
    description: 'A prompt to be worked on.',
    example: { title: 'TEST-Session-001', initial_prompt: 'Test task' },
  });
export type CreateSessionRequest = z.infer<typeof CreateSessionRequest>;

export const UpdateSessionRequest = z
  .strictObject({
    title: writable.title.optional(),
    priority: writable.priority.optional(),
    tags: writable.tags.optional(),
    metadata: writable.metadata.optional(),
  })
  .refine((body) => Object.keys(body).length > 0, 'name at least one member to change')
  .meta({ id: 'UpdateSessionRequest', description: 'Members to change.', example: { priority: 'high' } });
export type UpdateSessionRequest = z.infer<typeof UpdateSessionRequest>;

export const CompleteSessionRequest = z
  .strictObject({
    result: z
      .looseObject({ success: z.boolean().default(true), summary: z.string().max(20_000).optional() })
      .refine((result) => jsonFits(result, RESULT_MAX_BYTES), 'a result is at most 256 KiB of JSON'),
  })
  .meta({
    id: 'CompleteSessionRequest',
    description: 'An outside executor’s result; `success: false` makes it a failure.',
    example: { result: { success: true } },
  });
export type CompleteSessionRequest = z.infer<typeof CompleteSessionRequest>;

export const FailSessionRequest = z
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
  });
export type FailSessionRequest = z.infer<typeof FailSessionRequest>;

export const RetrySessionRequest = z
  .strictObject({
    from: z.union([z.enum(['last', 'fresh']), z.int().min(1)]).default('last'),
    /** What to do differently: a prompt after those that are done. Without one, only what is not done is done. */
    message: z.string().min(1).max(100_000).optional(),
  })
  .meta({
    id: 'RetrySessionRequest',
    description: 'Go on from the last checkpoint, from one by number, or afresh; with a further prompt, if you like.',
    example: { from: 'last' },
  });
export type RetrySessionRequest = z.infer<typeof RetrySessionRequest>;

export const StopSessionRequest = z
  .strictObject({ reason: z.string().min(1).max(1_000).optional() })
  .meta({ id: 'StopSessionRequest', description: 'Why, for the log.', example: { reason: 'superseded' } });
export type StopSessionRequest = z.infer<typeof StopSessionRequest>;

export const SendMessageRequest = z
  .strictObject({ text: z.string().min(1).max(100_000), delivery: Delivery.optional() })
  .meta({
    id: 'SendMessageRequest',
    description: 'Steer the running turn (the default while one runs) or queue a follow-up prompt.',
    example: { text: 'Use the existing helper instead.', delivery: 'steer' },
  });
export type SendMessageRequest = z.infer<typeof SendMessageRequest>;

export const AnswerApprovalRequest = z
  .strictObject({
    decision: Decision,
    message: z.string().min(1).max(5_000).optional(),
    answers: z
      .array(z.array(z.string().max(5_000)).max(50))
      .max(50)
      .refine((answers) => jsonFits(answers, ANSWERS_MAX_BYTES), 'answers are at most 64 KiB of JSON')
      .optional(),
  })
  .meta({
    id: 'AnswerApprovalRequest',
    description: '`answers`: for a question, the chosen labels of each of its parts.',
    example: { decision: 'once' },
  });
export type AnswerApprovalRequest = z.infer<typeof AnswerApprovalRequest>;

export const BulkSessionRequest = z
  .strictObject({
    action: z.enum(['create', 'start', 'pause', 'resume', 'stop', 'cancel', 'retry', 'delete']),
    session_ids: z.array(SessionId).min(1).max(100).optional(),
    sessions: z.array(z.unknown()).min(1).max(100).optional(),
  })
  .refine((body) => (body.action === 'create') === (body.sessions !== undefined), {
    message: '`sessions` goes with create, `session_ids` with every other action',
  })
  .refine((body) => (body.action === 'create') === (body.session_ids === undefined), {
    message: '`session_ids` goes with every action but create',
  })
  .meta({
    id: 'BulkSessionRequest',
    description: 'One action on many sessions; each item has its own outcome.',
    example: { action: 'cancel', session_ids: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000000'] },
  });
export type BulkSessionRequest = z.infer<typeof BulkSessionRequest>;

export const Usage = z
  .object({
    turns: z.int(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    reasoning_tokens: z.int(),
    cache_read_tokens: z.int(),
    cache_write_tokens: z.int(),
    cost_usd: z.number(),
  })
  .meta({
    id: 'Usage',
    description: 'Model turns, tokens and cost, sub-agents included.',
    example: {
      turns: 2,
      input_tokens: 1_620,
      output_tokens: 48,
      reasoning_tokens: 0,
      cache_read_tokens: 0,
      cache_write_tokens: 0,
      cost_usd: 0.0056,
    },
  });
export type Usage = z.infer<typeof Usage>;

export const SessionError = z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).meta({
  id: 'SessionError',
  description: 'Why a session did not complete.',
  example: { code: 'attempts_exhausted', message: 'The lease was lost 3 times.', retryable: true },
});
export type SessionError = z.infer<typeof SessionError>;

export const TaskView = z
  .object({
    id: TaskId,
    title: z.string(),
    status: TaskStatus,
    attempt: z.int(),
    epoch: z.int(),
    agent_id: Uuid.nullable(),
    agent_name: z.string().nullable(),
    lease_expires_at: Instant.nullable(),
  })
  .meta({
    id: 'TaskView',
    description: 'A task of a session.',
    example: {
      id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
      title: 'TEST-Session-001',
      status: 'in_progress',
      attempt: 1,
      epoch: 1,
      agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
      agent_name: 'AGENT-LOCAL',
      lease_expires_at: '2026-11-22T15:05:05.678Z',
    },
  });
export type TaskView = z.infer<typeof TaskView>;

export const CheckpointView = z
  .object({
    number: z.int(),
    task_id: TaskId,
    epoch: z.int(),
    created_at: Instant,
    turn: z.int(),
    messages_done: z.int(),
    base_commit: z.string().nullable(),
    patch_bytes: z.int(),
    conversation_bytes: z.int(),
    local_only: z.boolean(),
    requested: z.boolean(),
  })
  .meta({
    id: 'CheckpointView',
    description: 'A point that another machine can go on from.',
    example: {
      number: 1,
      task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
      epoch: 1,
      created_at: '2026-11-22T15:04:05.678Z',
      turn: 1,
      messages_done: 1,
      base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
      patch_bytes: 412,
      conversation_bytes: 5_120,
      local_only: false,
      requested: false,
    },
  });
export type CheckpointView = z.infer<typeof CheckpointView>;

export const ApprovalAnswer = z
  .object({
    decision: Decision,
    message: z.string().optional(),
    answers: z.array(z.array(z.string())).optional(),
    by: z.string(),
    at: Instant,
  })
  .meta({
    id: 'ApprovalAnswer',
    description: 'Who answered what; `by` is a token’s id, `session_default` or `session_always`.',
    example: { decision: 'once', by: 'oio-token', at: '2026-11-22T15:04:05.678Z' },
  });
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>;

export const ApprovalView = z
  .object({
    id: Uuid,
    kind: ApprovalKind,
    task_id: TaskId,
    status: ApprovalStatus,
    title: z.string(),
    /** For a permission: its name and the patterns asked for. */
    permission: z.string().nullable(),
    patterns: z.array(z.string()),
    /** For a question: its parts, each with the options to choose from. */
    questions: z.array(
      z.object({
        question: z.string(),
        header: z.string(),
        options: z.array(z.object({ label: z.string(), description: z.string() })),
        multiple: z.boolean(),
      }),
    ),
    detail: z.record(z.string(), z.unknown()),
    asked_at: Instant,
    expires_at: Instant,
    answer: ApprovalAnswer.nullable(),
  })
  .meta({
    id: 'ApprovalView',
    description: 'A permission or a question that an agent waits for.',
    example: {
      id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
      kind: 'permission',
      task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
      status: 'open',
      title: 'bash: npm test',
      permission: 'bash',
      patterns: ['npm test'],
      questions: [],
      detail: { command: 'npm test' },
      asked_at: '2026-11-22T15:04:05.678Z',
      expires_at: '2026-11-22T15:19:05.678Z',
      answer: null,
    },
  });
export type ApprovalView = z.infer<typeof ApprovalView>;

const EXAMPLE_SESSION = {
  id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
  title: 'TEST-Session-001',
  initial_prompt: 'Test task',
  status: 'running' as const,
  session_type: 'execution' as const,
  priority: 'medium' as const,
  agent_config: {},
  required_capabilities: [],
  required_labels: [],
  repository: {},
  tags: [],
  metadata: {},
  max_duration_seconds: 3_600,
  max_attempts: 3,
  max_parallel: 4,
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
  cursor: '5f2b9c1e.12',
};

export const SessionView = z
  .object({
    id: SessionId,
    title: z.string(),
    initial_prompt: z.string(),
    status: SessionStatus,
    session_type: SessionType,
    priority: SessionPriority,
    agent_config: AgentConfig,
    required_capabilities: z.array(Capability),
    required_labels: z.array(z.string()),
    repository: Repository,
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()),
    max_duration_seconds: z.int(),
    max_attempts: z.int(),
    max_parallel: z.int(),
    approval_default: z.enum(['once', 'reject']),
    approval_timeout_seconds: z.int(),
    parent_session_id: SessionId.nullable(),
    created_at: Instant,
    updated_at: Instant,
    started_at: Instant.nullable(),
    ended_at: Instant.nullable(),
    /** Time spent running or degraded: what `max_duration_seconds` limits. */
    active_seconds: z.number(),
    health_score: z.number().min(0).max(1),
    /** A pause or stop that waits for the agent to reach its next boundary. */
    requested_action: z.enum(['pause', 'stop']).nullable(),
    legal_actions: z.array(SessionAction),
    result: z.record(z.string(), z.unknown()).nullable(),
    error: SessionError.nullable(),
    open_approvals: z.int(),
    checkpoint_count: z.int(),
    /** The head of the log: where a watcher that has read this goes on from. */
    cursor: z.string(),
    tasks: z.array(TaskView).optional(),
    checkpoints: z.array(CheckpointView).optional(),
    approvals: z.array(ApprovalView).optional(),
    usage: Usage.optional(),
  })
  .meta({ id: 'Session', description: 'A session.', example: EXAMPLE_SESSION });
export type SessionView = z.infer<typeof SessionView>;

export const SessionInclude = z.enum(['tasks', 'checkpoints', 'approvals', 'usage']);
export type SessionInclude = z.infer<typeof SessionInclude>;

export const SessionSummary = z
  .object({
    id: SessionId,
    title: z.string(),
    status: SessionStatus,
    session_type: SessionType,
    priority: SessionPriority,
    tags: z.array(z.string()),
    created_at: Instant,
    updated_at: Instant,
    started_at: Instant.nullable(),
    ended_at: Instant.nullable(),
    health_score: z.number().min(0).max(1),
    agent_name: z.string().nullable(),
    open_approvals: z.int(),
    cost_usd: z.number(),
    error: SessionError.nullable(),
  })
  .meta({
    id: 'SessionSummary',
    description: 'A session as lists show it.',
    example: {
      id: EXAMPLE_SESSION.id,
      title: EXAMPLE_SESSION.title,
      status: EXAMPLE_SESSION.status,
      session_type: EXAMPLE_SESSION.session_type,
      priority: EXAMPLE_SESSION.priority,
      tags: EXAMPLE_SESSION.tags,
      created_at: EXAMPLE_SESSION.created_at,
      updated_at: EXAMPLE_SESSION.updated_at,
      started_at: EXAMPLE_SESSION.started_at,
      ended_at: null,
      health_score: 0.9,
      agent_name: 'AGENT-LOCAL',
      open_approvals: 0,
      cost_usd: 0.0056,
      error: null,
    },
  });
export type SessionSummary = z.infer<typeof SessionSummary>;

export const SESSION_SORTS = [
  'created_at',
  '-created_at',
  'updated_at',
  '-updated_at',
  'title',
  '-title',
  'priority',
  '-priority',
  'status',
  '-status',
] as const;

/** `page × page_size` is capped: deeper reading is for a search, not for offsets. */
export const MAX_LIST_OFFSET = 10_000;

export const ListSessionsQuery = z
  .object({
    status: z.array(SessionStatus).default([]),
    session_type: SessionType.optional(),
    priority: SessionPriority.optional(),
    tag: z.string().min(1).max(50).optional(),
    q: z.string().trim().min(1).max(200).optional(),
    sort: z.enum(SESSION_SORTS).default('-created_at'),
    page: z.coerce.number().int().min(1).default(1),
    page_size: z.coerce.number().int().min(1).max(100).default(20),
  })
  .refine((query) => query.page * query.page_size <= MAX_LIST_OFFSET, {
    message: `page × page_size is at most ${MAX_LIST_OFFSET}; narrow the list with filters`,
    path: ['page'],
  });
export type ListSessionsQuery = z.infer<typeof ListSessionsQuery>;

export const SessionList = z
  .object({ items: z.array(SessionSummary), total: z.int(), page: z.int(), page_size: z.int() })
  .meta({
    id: 'SessionList',
    description: 'A page of sessions.',
    example: { items: [], total: 0, page: 1, page_size: 20 },
  });
export type SessionList = z.infer<typeof SessionList>;

export const DiffFile = z
  .object({
    path: z.string(),
    status: z.enum(['added', 'modified', 'deleted', 'renamed']),
    additions: z.int(),
    deletions: z.int(),
  })
  .meta({
    id: 'DiffFile',
    description: 'A changed file; binary files count no lines.',
    example: { path: 'hello.txt', status: 'added', additions: 1, deletions: 0 },
  });
export type DiffFile = z.infer<typeof DiffFile>;

export const SessionDiff = z
  .object({
    checkpoint: z.int().nullable(),
    base_commit: z.string().nullable(),
    files: z.array(DiffFile),
    patch: z.string(),
    local_only: z.boolean(),
  })
  .meta({
    id: 'SessionDiff',
    description: 'The work so far, as of the newest checkpoint, as a patch (`git apply`) against the base commit.',
    example: {
      checkpoint: 1,
      base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
      files: [{ path: 'hello.txt', status: 'added', additions: 1, deletions: 0 }],
      patch: 'diff --git a/hello.txt b/hello.txt\n',
      local_only: false,
    },
  });
export type SessionDiff = z.infer<typeof SessionDiff>;

export const MessageAccepted = z.object({ number: z.int(), delivery: Delivery }).meta({
  id: 'MessageAccepted',
  description: 'The message’s number in the session.',
  example: { number: 2, delivery: 'steer' },
});
export type MessageAccepted = z.infer<typeof MessageAccepted>;
