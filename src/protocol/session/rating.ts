import * as z from 'zod';
import type { ResultStatus } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { MAX_COMMENT_CHARS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';

/** How good a piece of work is: 0 is useless, 1 is without fault. */
export const Quality = schema(() => z.number().min(0).max(1));

export const RateTaskRequest = schema(() =>
  z
    .strictObject({
      quality: Quality().meta({ description: 'How good the work is: 0 is useless, 1 is without fault.' }),
      comment: z.string().trim().min(1).max(MAX_COMMENT_CHARS).optional(),
    })
    .meta({
      id: 'RateTaskRequest',
      description: 'A person’s judgement of the work that an agent has done on a task. It replaces an earlier one.',
      example: { quality: 0.9, comment: 'Works, but without a test.' },
    }),
);
export type RateTaskRequest = Infer<typeof RateTaskRequest>;

export const Rating = schema(() =>
  z
    .object({
      quality: Quality(),
      comment: z.string().nullable(),
      /** The id of the token with which it was rated. */
      by: z.string(),
      at: Instant(),
    })
    .meta({
      id: 'Rating',
      description: 'A person’s judgement of an assignment.',
      example: { quality: 0.9, comment: null, by: 'static', at: '2026-11-22T15:20:00.000Z' },
    }),
);
export type Rating = Infer<typeof Rating>;

export const EXAMPLE_ASSIGNMENT = {
  epoch: 1,
  agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  agent_name: 'AGENT-LOCAL',
  status: 'completed' as const,
  ended_at: '2026-11-22T15:05:05.678Z',
  rating: null,
};

export const FinishedAssignment = schema(() =>
  z
    .object({
      epoch: z.int(),
      agent_id: Uuid(),
      agent_name: z.string(),
      status: z.enum(['completed', 'partial', 'failed'] satisfies ResultStatus[]),
      ended_at: Instant(),
      rating: Rating().nullable(),
    })
    .meta({
      id: 'FinishedAssignment',
      description: 'How an agent’s work on a task has ended, and how it was rated.',
      example: EXAMPLE_ASSIGNMENT,
    }),
);
export type FinishedAssignment = Infer<typeof FinishedAssignment>;
