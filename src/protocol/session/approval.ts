import * as z from 'zod';
import { ApprovalKind, ApprovalStatus, Decision } from '../common/enums.ts';
import { TaskId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';

export const ApprovalAnswer = schema(() =>
  z
    .object({
      decision: Decision(),
      message: z.string().optional(),
      answers: z.array(z.array(z.string())).optional(),
      by: z.string(),
      at: Instant(),
    })
    .meta({
      id: 'ApprovalAnswer',
      description: 'An answer and its author: `by` is a token’s id, `session_default` or `session_always`.',
      example: { decision: 'once', by: 'oio-token', at: '2026-11-22T15:04:05.678Z' },
    }),
);
export type ApprovalAnswer = Infer<typeof ApprovalAnswer>;

export const EXAMPLE_APPROVAL = {
  id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  kind: 'permission' as const,
  task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
  status: 'open' as const,
  title: 'bash: npm test',
  permission: 'bash',
  patterns: ['npm test'],
  always: ['npm *'],
  questions: [],
  detail: { command: 'npm test' },
  asked_at: '2026-11-22T15:04:05.678Z',
  expires_at: '2026-11-22T15:19:05.678Z',
  answer: null,
};

export const ApprovalView = schema(() =>
  z
    .object({
      id: Uuid(),
      kind: ApprovalKind(),
      task_id: TaskId(),
      status: ApprovalStatus(),
      title: z.string(),
      /** For a permission: its name and the requested patterns. */
      permission: z.string().nullable(),
      patterns: z.array(z.string()),
      /** For a permission: what the answer `always` would allow from now on in this session. */
      always: z.array(z.string()).default([]),
      /** For a question: its parts, each with its options. */
      questions: z.array(
        z.object({
          question: z.string(),
          header: z.string(),
          options: z.array(z.object({ label: z.string(), description: z.string() })),
          multiple: z.boolean(),
        }),
      ),
      detail: z.record(z.string(), z.unknown()),
      asked_at: Instant(),
      expires_at: Instant().nullable().meta({ description: 'Null: it waits without an end.' }),
      answer: ApprovalAnswer().nullable(),
    })
    .meta({
      id: 'ApprovalView',
      description: 'A decision that an agent, or the session itself, waits for.',
      example: EXAMPLE_APPROVAL,
    }),
);
export type ApprovalView = Infer<typeof ApprovalView>;

export const ApprovalList = schema(() =>
  z.object({ items: z.array(ApprovalView()), next_cursor: NextCursor() }).meta({
    id: 'ApprovalList',
    description: 'A page of the session’s approvals, open ones first.',
    example: { items: [], next_cursor: null },
  }),
);
export type ApprovalList = Infer<typeof ApprovalList>;
