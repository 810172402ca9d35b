import { sql } from 'drizzle-orm';
import {
  bigint,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';
import type { SessionPriority, SessionStatus, SessionType } from '../../protocol/common/enums.ts';

const instant = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' });
const count = () => bigint({ mode: 'number' }).notNull();

/** One row for each finished run of a session. See `SessionRun`. */
export const sessionRuns = pgTable(
  'session_runs',
  {
    workspace: text().notNull(),
    session_id: uuid().notNull(),
    run: integer().notNull(),
    title: text().notNull(),
    session_type: text().$type<SessionType>().notNull(),
    priority: text().$type<SessionPriority>().notNull(),
    status: text().$type<SessionStatus>().notNull(),
    attempts: integer().notNull(),
    agent_id: uuid(),
    agent_name: text(),
    started_at: instant(),
    ended_at: instant().notNull(),
    active_ms: count(),
    turns: integer().notNull(),
    input_tokens: count(),
    output_tokens: count(),
    reasoning_tokens: count(),
    cache_read_tokens: count(),
    cache_write_tokens: count(),
    cost_usd: doublePrecision().notNull(),
    unpriced_turns: integer().notNull().default(0),
    error_code: text(),
    recorded_at: instant().notNull().default(sql`now()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspace, table.session_id, table.run] }),
    index('session_runs_by_end').on(table.workspace, table.ended_at),
  ],
);
