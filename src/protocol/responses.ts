import { z } from 'zod';
import { SessionStatus } from './common/enums.ts';
import { FieldError, Problem } from './common/errors.ts';
import { SessionId } from './common/ids.ts';
import { ApprovalView } from './session/approval.ts';
import { CheckpointView } from './session/checkpoint.ts';

/** Answers of the API that are no resource of their own. */

export const ApprovalList = z
  .object({ items: z.array(ApprovalView) })
  .meta({ id: 'ApprovalList', description: 'The session’s approvals, open ones first.', example: { items: [] } });
export type ApprovalList = z.infer<typeof ApprovalList>;

export const CheckpointList = z
  .object({ items: z.array(CheckpointView) })
  .meta({ id: 'CheckpointList', description: 'The session’s checkpoints.', example: { items: [] } });
export type CheckpointList = z.infer<typeof CheckpointList>;

export const CheckpointRequested = z.object({ requested: z.literal(true) }).meta({
  id: 'CheckpointRequested',
  description: 'The agent has been asked; the checkpoint appears in the log.',
  example: { requested: true },
});
export type CheckpointRequested = z.infer<typeof CheckpointRequested>;

export const BulkError = z
  .object({
    code: Problem.shape.code,
    detail: z.string(),
    errors: z.array(FieldError).optional(),
    legal_actions: z.array(z.string()).optional(),
  })
  .meta({
    id: 'BulkError',
    description: 'Why an item was refused.',
    example: { code: 'not_found', detail: 'There is no such session.' },
  });
export type BulkError = z.infer<typeof BulkError>;

export const BulkItem = z
  .object({
    index: z.int(),
    session_id: SessionId.nullable(),
    ok: z.boolean(),
    /** What the same request on its own would have been answered with. */
    http_status: z.int(),
    status: SessionStatus.nullable(),
    error: BulkError.nullable(),
  })
  .meta({
    id: 'BulkItem',
    description: 'The outcome for one item: the session’s new status, or why it was refused.',
    example: {
      index: 0,
      session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
      ok: true,
      http_status: 200,
      status: 'cancelled',
      error: null,
    },
  });
export type BulkItem = z.infer<typeof BulkItem>;

export const BulkResult = z.object({ items: z.array(BulkItem), succeeded: z.int(), failed: z.int() }).meta({
  id: 'BulkResult',
  description: 'One outcome for each item, in the order of the request.',
  example: { items: [], succeeded: 0, failed: 0 },
});
export type BulkResult = z.infer<typeof BulkResult>;

export const Health = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', description: 'The Worker answers.', example: { status: 'ok' } });
export type Health = z.infer<typeof Health>;

export const DependencyState = z
  .object({
    name: z.enum(['objects', 'postgres', 'redis']),
    status: z.enum(['ok', 'unavailable', 'not_configured']),
    detail: z.string().optional(),
  })
  .meta({
    id: 'DependencyState',
    description: 'Whether a dependency can be reached.',
    example: { name: 'postgres', status: 'unavailable', detail: 'no answer within 2000 ms' },
  });
export type DependencyState = z.infer<typeof DependencyState>;

export const Readiness = z
  .object({ status: z.enum(['ready', 'degraded', 'unavailable']), dependencies: z.array(DependencyState) })
  .meta({
    id: 'Readiness',
    description: 'degraded: sessions run, history or metrics wait. unavailable: nothing works.',
    example: { status: 'ready', dependencies: [{ name: 'objects', status: 'ok' }] },
  });
export type Readiness = z.infer<typeof Readiness>;
