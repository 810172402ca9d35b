import * as z from 'zod';
import { SessionAction, SessionStatus } from '../common/enums.ts';
import { FieldError, Problem } from '../common/errors.ts';
import { SessionId } from '../common/ids.ts';
import { type Infer, schema } from '../common/schema.ts';
import { CreateSessionRequest } from './requests.ts';

/** One action on many sessions, and the outcome for each of them. */

/** These actions report what happened to one session, so they are not offered for many at once. */
const REPORTS = ['complete', 'fail'] as const;

export const MAX_BULK_ITEMS = 100;

/** Each item is parsed on its own, so that an invalid one does not spoil the others. */
const NewSession = schema(() =>
  z.unknown().meta({ $ref: `#/components/schemas/${CreateSessionRequest().meta()!.id}` }),
);

export const BulkSessionRequest = schema(() =>
  z
    .discriminatedUnion('action', [
      z.strictObject({ action: z.literal('create'), sessions: z.array(NewSession()).min(1).max(MAX_BULK_ITEMS) }),
      z.strictObject({
        action: z.enum([...SessionAction().exclude(REPORTS).options, 'delete']),
        session_ids: z.array(SessionId()).min(1).max(MAX_BULK_ITEMS),
      }),
    ])
    .meta({
      id: 'BulkSessionRequest',
      description: 'One action on many sessions; each item has its own outcome.',
      example: { action: 'cancel', session_ids: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000000'] },
    }),
);
export type BulkSessionRequest = Infer<typeof BulkSessionRequest>;

export const BulkError = schema(() =>
  z
    .object({
      code: Problem().shape.code,
      detail: z.string(),
      errors: z.array(FieldError()).optional(),
      legal_actions: z.array(z.string()).optional(),
    })
    .meta({
      id: 'BulkError',
      description: 'Why an item failed.',
      example: { code: 'not_found', detail: 'There is no such session.' },
    }),
);
export type BulkError = Infer<typeof BulkError>;

export const BulkItem = schema(() =>
  z
    .object({
      index: z.int(),
      session_id: SessionId().nullable(),
      ok: z.boolean(),
      /** The HTTP status that the same request would have got on its own. */
      http_status: z.int(),
      status: SessionStatus().nullable(),
      error: BulkError().nullable(),
    })
    .meta({
      id: 'BulkItem',
      description: 'The outcome for one item: the session’s new status, or an error.',
      example: {
        index: 0,
        session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
        ok: true,
        http_status: 200,
        status: 'cancelled',
        error: null,
      },
    }),
);
export type BulkItem = Infer<typeof BulkItem>;

export const BulkResult = schema(() =>
  z.object({ items: z.array(BulkItem()), succeeded: z.int(), failed: z.int() }).meta({
    id: 'BulkResult',
    description: 'One outcome for each item, in the order of the request.',
    example: { items: [], succeeded: 0, failed: 0 },
  }),
);
export type BulkResult = Infer<typeof BulkResult>;
