import * as z from 'zod';
import { SessionPriority, SessionStatus, SessionType } from '../common/enums.ts';
import { SessionId } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { MAX_LIST_OFFSET } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { QueuePlace } from './queue.ts';
import { EXAMPLE_SESSION, SessionError } from './session.ts';

/** Lists of sessions and their queries. */

export const SessionSummary = schema(() =>
  z
    .object({
      id: SessionId(),
      title: z.string(),
      status: SessionStatus(),
      session_type: SessionType(),
      priority: SessionPriority(),
      tags: z.array(z.string()),
      created_at: Instant(),
      updated_at: Instant(),
      started_at: Instant().nullable(),
      ended_at: Instant().nullable(),
      health_score: z.number().min(0).max(1),
      agent_name: z.string().nullable(),
      open_approvals: z.int(),
      /** Null if no turn had a price. */
      cost_usd: z.number().nullable(),
      error: SessionError().nullable(),
      /** While the session waits for an agent. */
      queue: QueuePlace().optional(),
    })
    .meta({
      id: 'SessionSummary',
      description: 'A session in a list.',
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
    }),
);
export type SessionSummary = Infer<typeof SessionSummary>;

/** The columns that lists of sessions sort by; `-` is the descending order. */
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
  'open_approvals',
  '-open_approvals',
] as const;

export type SessionSortColumn = Exclude<(typeof SESSION_SORTS)[number], `-${string}`>;

export const ListSessionsQuery = schema(() =>
  z
    .object({
      status: z.array(SessionStatus()).default([]),
      session_type: SessionType().optional(),
      priority: SessionPriority().optional(),
      tag: z.string().min(1).max(50).optional(),
      waiting: z
        .enum(['true', 'false'])
        .transform((word) => word === 'true')
        .optional()
        .meta({
          description: 'Only sessions that wait for a person to answer an approval; with `false`, only the others.',
        }),
      q: z.string().trim().min(1).max(200).optional(),
      sort: z.enum(SESSION_SORTS).default('-created_at'),
      page: z.coerce.number<number>().int().min(1).default(1),
      page_size: z.coerce.number<number>().int().min(1).max(100).default(20),
    })
    .refine((query) => query.page * query.page_size <= MAX_LIST_OFFSET, {
      message: `page × page_size must be at most ${MAX_LIST_OFFSET}; narrow the list with filters`,
      path: ['page'],
    }),
);
export type ListSessionsQuery = Infer<typeof ListSessionsQuery>;

export const SessionList = schema(() =>
  z.object({ items: z.array(SessionSummary()), total: z.int(), page: z.int(), page_size: z.int() }).meta({
    id: 'SessionList',
    description: 'A page of sessions.',
    example: { items: [], total: 0, page: 1, page_size: 20 },
  }),
);
export type SessionList = Infer<typeof SessionList>;
