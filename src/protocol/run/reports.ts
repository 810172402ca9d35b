import * as z from 'zod';
import { Count, MAX_NAME_CHARS, Name, Ordinal } from '../common/bounds.ts';
import { Capability, SessionStatus, TaskKind } from '../common/enums.ts';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { MAX_AGENT_CAPACITY, MAX_CLAIM_WAIT_SECONDS, MAX_FILES } from '../common/limits.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { AgentEventBody, MAX_TURN_COST_USD } from '../events/agent.ts';
import { Check } from '../session/checks.ts';
import { DeliveryOrder } from '../session/deliver.ts';
import { AgentConfig, Repository } from '../session/requests.ts';
import { LabelRequirement } from '../session/requirements.ts';
import { Assignment, Command } from './assignment.ts';
import {
  ApprovalAsked,
  ApprovalWithdrawn,
  ArtifactChunk,
  CheckpointReport,
  FileFacts,
  ReleaseReason,
} from './frames.ts';
import { ConflictReport } from './start.ts';
import { TaskContext } from './task-context.ts';

/**
 * The work of an agent over plain HTTP: it claims assignments, and reports under their leases. What it reports are the
 * frames of the run socket (`frames.ts`), numbered from 1 in each (task, epoch).
 */

export const ClaimRequest = schema(() =>
  z
    .strictObject({
      wait_seconds: z.int().min(0).max(MAX_CLAIM_WAIT_SECONDS).default(0).meta({
        description: 'If there is no work, how long the answer waits for some.',
      }),
      can_merge: z.boolean().default(false).meta({
        description:
          'Whether the agent merges the works of other tasks. Otherwise it gets only tasks that need no merge.',
      }),
      max: z.int().min(1).max(MAX_AGENT_CAPACITY).default(1).meta({ description: 'The most assignments to hand out.' }),
    })
    .meta({ id: 'ClaimRequest', description: 'The agent asks for work.', example: { wait_seconds: 20, max: 1 } }),
);
export type ClaimRequest = Infer<typeof ClaimRequest>;

const EXAMPLE_TASK = { task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001', epoch: 1 };

export const OfferedAssignment = schema(() =>
  z
    .object({
      task_id: TaskId(),
      session_id: SessionId(),
      epoch: z.int(),
      title: z.string(),
      kind: TaskKind(),
      delivery: DeliveryOrder().optional(),
      input: z.object({
        messages: z.array(z.object({ number: z.int(), text: z.string() })).meta({
          description: 'The prompts to work on, in order; those that a checkpoint holds already are left out.',
        }),
      }),
      context: z.record(z.string(), z.unknown()).meta({ description: 'The `metadata` of the session.' }),
      shared_context: TaskContext().optional().meta({
        description: 'What counts of the contexts that the task may see; absent if it could not be read.',
      }),
      agent_config: AgentConfig(),
      repository: Repository(),
      base_commit: z.string().nullable().meta({
        description: 'The commit from which the work starts, if the session or its checkpoint names one.',
      }),
      start: Assignment().shape.start,
      resolution: Assignment().shape.resolution,
      checkpoint: Assignment().shape.checkpoint,
      checks: z.array(Check()).meta({
        description: 'The commands that must succeed before the work is done. Report how they ended as events.',
      }),
      start_checks: z.array(Check()).meta({
        description:
          'The checks of the session, to run before the first prompt, because the task starts from merged work.',
      }),
      check_round: z.int().meta({ description: 'The number of the next round of checks.' }),
      required_capabilities: z.array(Capability()),
      required_labels: z.array(LabelRequirement()),
      deadline_at: Instant().meta({ description: 'When the session’s time limit ends the work, if it begins now.' }),
      lease_expires_at: Instant().meta({ description: 'Until then, the first report takes the lease.' }),
    })
    .meta({
      id: 'OfferedAssignment',
      description: 'Work that is offered to the agent. Its first report takes the lease.',
      example: {
        ...EXAMPLE_TASK,
        session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
        title: 'TEST-Session-001',
        kind: 'work',
        input: { messages: [{ number: 1, text: 'Test task' }] },
        context: {},
        agent_config: {},
        repository: {},
        base_commit: null,
        checkpoint: null,
        checks: [],
        start_checks: [],
        check_round: 1,
        required_capabilities: [],
        required_labels: [],
        deadline_at: '2026-11-22T16:04:05.678Z',
        lease_expires_at: '2026-11-22T15:04:25.678Z',
      },
    }),
);
export type OfferedAssignment = Infer<typeof OfferedAssignment>;

export const ClaimedWork = schema(() =>
  z.object({ assignments: z.array(OfferedAssignment()) }).meta({
    id: 'ClaimedWork',
    description: 'The work that the agent is offered; none if there is none.',
    example: { assignments: [] },
  }),
);
export type ClaimedWork = Infer<typeof ClaimedWork>;

/** Members of every report. */
const common = () => ({
  acknowledged_command: Count().optional().meta({
    description: 'The highest id of the commands that the agent has handled. Those up to it are not sent again.',
  }),
});
/** The number of a report that is one frame. */
const number = () => ({ n: Ordinal().meta({ description: 'The next number of this lease, from 1.' }) });

/** The options of a union by `type`, each with one more member. */
function withMember<Body, Member>(options: readonly z.ZodObject[], member: z.ZodRawShape) {
  const extended = options.map((option) => option.extend(member)) as [z.ZodObject, ...z.ZodObject[]];
  return z.discriminatedUnion('type', extended as never) as unknown as z.ZodType<Member & Body>;
}

type EventBody = AgentEventBody | Infer<typeof ApprovalWithdrawn>;
const NumberedEvent = schema(() =>
  withMember<EventBody, { n: number }>([...AgentEventBody().options, ApprovalWithdrawn()], number()),
);

export const ReportEventsRequest = schema(() =>
  z
    .strictObject({
      events: z
        .array(NumberedEvent())
        .max(MAX_EVENTS)
        .meta({ description: 'Numbered from 1 in each lease, without a gap. None extends the lease, too.' }),
      ...common(),
    })
    .meta({
      id: 'ReportEventsRequest',
      description: 'What the agent does.',
      example: {
        events: [{ n: 1, type: 'turn.started', data: { turn: 1, message: 1, model: null, agent: null } }],
      },
    }),
);
export type ReportEventsRequest = Infer<typeof ReportEventsRequest>;
const MAX_EVENTS = 1_000;

export const ReportCheckpointRequest = schema(() =>
  CheckpointReport()
    .extend({
      ...number(),
      ...common(),
      base_commit: CheckpointReport().shape.base_commit.default(null),
      patch: CheckpointReport().shape.patch.default(null),
      conversation: CheckpointReport().shape.conversation.default(null),
      files: CheckpointReport().shape.files.default([]),
      local_only: z.boolean().default(false),
      requested: z.boolean().default(false),
    })
    .strict()
    .meta({
      id: 'ReportCheckpointRequest',
      description: 'A point from which another agent can continue. Its artifacts were sent before.',
      example: { n: 1, turn: 1, messages_done: 1 },
    }),
);
export type ReportCheckpointRequest = Infer<typeof ReportCheckpointRequest>;

export const AskApprovalRequest = schema(() =>
  ApprovalAsked()
    .extend({
      ...number(),
      ...common(),
      permission: Name().nullable().default(null),
      patterns: ApprovalAsked().shape.patterns.default([]),
      always: ApprovalAsked().shape.always.default([]),
      questions: ApprovalAsked().shape.questions.default([]),
      detail: ApprovalAsked().shape.detail.default({}),
    })
    .strict()
    .refine(({ kind, questions }) => kind !== 'question' || questions.length > 0, {
      path: ['questions'],
      message: 'must have what to ask',
    })
    .meta({
      id: 'AskApprovalRequest',
      description: 'The agent needs an answer of a person, which comes as the command `approval_reply`.',
      example: { n: 1, ask_id: 'deploy-1', kind: 'permission', title: 'Deploy to production?' },
    }),
);
export type AskApprovalRequest = Infer<typeof AskApprovalRequest>;

export const SendArtifactRequest = schema(() =>
  ArtifactChunk()
    .extend({ ...number(), ...common() })
    .strict()
    .meta({
      id: 'SendArtifactRequest',
      description: 'The next chunk of an artifact. The last one of a file of the result has `file`.',
      example: {
        n: 1,
        artifact_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        index: 0,
        data: 'aGVsbG8K',
        file: { path: 'report.txt', mime_type: 'text/plain' },
      },
    }),
);
export type SendArtifactRequest = Infer<typeof SendArtifactRequest>;

export const ReleaseLeaseRequest = schema(() =>
  z.strictObject({ reason: ReleaseReason(), message: z.string().max(MAX_ERROR_CHARS).default('') }).meta({
    id: 'ReleaseLeaseRequest',
    description:
      '`paused`, `stopped`: as asked. `refused`: this agent cannot do the task. `shutdown`: the agent ends. `lost`: it cannot go on.',
    example: { reason: 'refused', message: 'This machine has no Docker.' },
  }),
);
export type ReleaseLeaseRequest = Infer<typeof ReleaseLeaseRequest>;
const MAX_ERROR_CHARS = 20_000;

export const ReportConflictRequest = schema(() =>
  ConflictReport()
    .extend(common())
    .strict()
    .meta({
      id: 'ReportConflictRequest',
      description:
        'The works of `start.from` cannot be merged: `theirs` conflicts with those of `ours`, which were merged before.',
      example: {
        ours: [1],
        theirs: 2,
        files: [{ path: 'src/a.ts', kind: 'content', ours: 'a = 1', theirs: 'a = 2' }],
        total: 1,
      },
    }),
);
export type ReportConflictRequest = Infer<typeof ReportConflictRequest>;

const ResultFile = schema(() =>
  FileFacts()
    .extend({
      content: z.string(),
      encoding: z.enum(['utf-8', 'base64']).default('utf-8'),
      mime_type: FileFacts().shape.mime_type.default('text/plain'),
    })
    .strict()
    .refine(({ content, encoding }) => encoding === 'utf-8' || z.base64().safeParse(content).success, {
      path: ['content'],
      message: 'must be base64, because of its encoding',
    }),
);

export const ReportResultRequest = schema(() =>
  z
    .strictObject({
      status: z.enum(['completed', 'partial', 'failed']),
      output: z.string().max(MAX_OUTPUT_CHARS).default('').meta({ description: 'The answer, for people.' }),
      artifacts: z.array(ResultFile()).max(MAX_FILES).default([]).meta({
        description: 'Files of the result. Larger ones are sent before, in chunks.',
      }),
      error: z
        .strictObject({
          code: z.string().min(1).max(MAX_NAME_CHARS).default('agent_failed'),
          message: z.string().max(MAX_ERROR_CHARS),
          retryable: z.boolean().default(false),
        })
        .nullable()
        .default(null)
        .meta({ description: 'Why it failed or is partial.' }),
      usage: z
        .strictObject({
          input_tokens: Count().default(0),
          output_tokens: Count().default(0),
          cost_usd: z.number().min(0).max(MAX_TURN_COST_USD).default(0),
        })
        .optional()
        .meta({ description: 'What the work has used, unless `usage` events have said it.' }),
      messages_done: Count().optional().meta({
        description:
          'The number of the last message that the agent has worked on. By default, the last one that it was given and whose command it has acknowledged.',
      }),
      ...common(),
    })
    .refine(({ status, error }) => status !== 'failed' || error !== null, {
      path: ['error'],
      message: 'must say why the work failed',
    })
    .meta({
      id: 'ReportResultRequest',
      description: 'The outcome of the work.',
      example: { status: 'completed', output: 'Added the flag.' },
    }),
);
export type ReportResultRequest = Infer<typeof ReportResultRequest>;
const MAX_OUTPUT_CHARS = 100_000;

const CancelCommand = schema(() => z.object({ type: z.literal('cancel'), data: z.object({ within_ms: z.int() }) }));

export const PendingCommand = schema(() =>
  withMember<Command | Infer<typeof CancelCommand>, { id: number }>([...Command().options, CancelCommand()], {
    id: z.int(),
  }).meta({
    id: 'PendingCommand',
    description:
      '`message`: another prompt. `pause`, `stop`: save a checkpoint, if you can, and release. `cancel`: the session has ended; stop and release. `checkpoint`: save one. `approval_reply`: the answer to what you asked.',
    example: { id: 3, type: 'message', data: { number: 2, text: 'Also update the README.', delivery: 'follow_up' } },
  }),
);
export type PendingCommand = Infer<typeof PendingCommand>;

export const LeaseReport = schema(() =>
  z
    .object({
      acked: z.int().meta({ description: 'All reports up to this number are stored.' }),
      lease_expires_at: Instant().nullable().meta({ description: 'Null if the lease has ended.' }),
      commands: z.array(PendingCommand()),
    })
    .meta({
      id: 'LeaseReport',
      description: 'The state of a lease after a report.',
      example: { acked: 1, lease_expires_at: '2026-11-22T15:05:05.678Z', commands: [] },
    }),
);
export type LeaseReport = Infer<typeof LeaseReport>;

export const ResultReport = schema(() =>
  LeaseReport()
    .extend({
      final: z.boolean().meta({
        description:
          'Whether the lease has ended. False if a message waits that you had not seen: `commands` has it; work on it, and send another result.',
      }),
      session_status: SessionStatus(),
    })
    .meta({
      id: 'ResultReport',
      description: 'What the result has led to.',
      example: { final: true, session_status: 'completed', acked: 1, lease_expires_at: null, commands: [] },
    }),
);
export type ResultReport = Infer<typeof ResultReport>;

export const FileView = schema(() =>
  z
    .object({
      id: Uuid(),
      task_id: TaskId(),
      epoch: z.int(),
      path: z.string(),
      mime_type: z.string(),
      bytes: z.int(),
      created_at: Instant(),
    })
    .meta({
      id: 'File',
      description: 'A file of a task’s result. Its bytes are those of the artifact with its id.',
      example: {
        id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        ...EXAMPLE_TASK,
        path: 'report.txt',
        mime_type: 'text/plain',
        bytes: 6,
        created_at: '2026-11-22T15:04:05.678Z',
      },
    }),
);
export type FileView = Infer<typeof FileView>;

export const FileList = schema(() =>
  z.object({ items: z.array(FileView()), next_cursor: NextCursor() }).meta({
    id: 'FileList',
    description: 'A page of the files of a session’s results, by path.',
    example: { items: [], next_cursor: null },
  }),
);
export type FileList = Infer<typeof FileList>;
