import * as z from 'zod';
import { SessionPriority, SessionStatus, SessionType } from '../common/enums.ts';
import { SessionId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { MAX_LIST_OFFSET } from '../common/limits.ts';
import { ListCursor, NextCursor, PageSize } from '../common/page.ts';
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
      agent_id: Uuid().nullable(),
      agent_name: z.string().nullable(),
      parent_session_id: SessionId().nullable(),
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
        agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        agent_name: 'AGENT-LOCAL',
        parent_session_id: null,
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

/** A time with any offset, as UTC. Stored times have the same form, so both compare as text. */
const Moment = schema(() => z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString()));

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
      agent: z.string().min(1).max(100).optional().meta({
        description: 'The id or the name of the agent that has the session’s lease or had it last in this run.',
      }),
      parent: SessionId().optional().meta({ description: 'The id of the parent session.' }),
      created_after: Moment().optional().meta({ description: 'Sessions that were created later than this time.' }),
      created_before: Moment().optional().meta({ description: 'Sessions that were created earlier than this time.' }),
      updated_after: Moment().optional().meta({ description: 'Sessions that have changed later than this time.' }),
      updated_before: Moment().optional().meta({ description: 'Sessions that have not changed since this time.' }),
      q: z.string().trim().min(1).max(200).optional().meta({
        description:
          'Text in the title, the id, a tag, the error or the beginning of the prompt; upper and lower case are equal.',
      }),
      sort: z.enum(SESSION_SORTS).default('-created_at').meta({
        description:
          'The order; `-` is descending. Priorities and statuses sort by rank. Equal sessions sort by age, the newest first.',
      }),
      cursor: ListCursor().optional().meta({
        description: 'Continues after a page. Use it in place of `page` to read a list while it changes.',
      }),
      page: z.coerce
        .number<number>()
        .int()
        .min(1)
        .default(1)
        .meta({
          description: `The number of the page, if there is no cursor. page × page_size is at most ${MAX_LIST_OFFSET}.`,
        }),
      page_size: PageSize().default(20),
    })
    .refine((query) => query.page * query.page_size <= MAX_LIST_OFFSET, {
      message: `page × page_size must be at most ${MAX_LIST_OFFSET}; continue with the cursor of the last page`,
      path: ['page'],
    })
    .refine((query) => query.cursor === undefined || query.page === 1, {
      message: 'give a cursor or a page, not both',
      path: ['page'],
    }),
);
export type ListSessionsQuery = Infer<typeof ListSessionsQuery>;

export const SessionList = schema(() =>
  z
    .object({
      items: z.array(SessionSummary()),
      total: z.int().meta({ description: 'The number of sessions on all pages.' }),
      page: z.int().meta({ description: 'The page of the request; 1 after a cursor.' }),
      page_size: z.int(),
      next_cursor: NextCursor(),
    })
    .meta({
      id: 'SessionList',
      description: 'A page of sessions.',
      example: { items: [], total: 0, page: 1, page_size: 20, next_cursor: null },
    }),
);
export type SessionList = Infer<typeof SessionList>;
