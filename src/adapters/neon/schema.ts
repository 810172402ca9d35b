import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';
import type {
  AgentType,
  Capability,
  PerformanceTier,
  ResultStatus,
  SessionPriority,
  SessionStatus,
  SessionType,
} from '../../protocol/common/enums.ts';
import type { ContextScope, ContextWriter } from '../../protocol/context/context.ts';

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

/** One row for each agent that was ever registered. See `AgentRecord`. */
export const agents = pgTable(
  'agents',
  {
    workspace: text().notNull(),
    agent_id: uuid().notNull(),
    rev: count(),
    name: text().notNull(),
    agent_type: text().$type<AgentType>().notNull(),
    capabilities: text().array().$type<Capability[]>().notNull(),
    labels: text().array().notNull(),
    preferred_technologies: text().array().notNull(),
    max_concurrent_capacity: integer().notNull(),
    model: text(),
    cost_per_token_usd: doublePrecision(),
    repository: text(),
    remotes: text().array().notNull(),
    version: text(),
    performance_tier: text().$type<PerformanceTier>().notNull(),
    changed_at: instant().notNull(),
    removed_at: instant(),
    recorded_at: instant().notNull().default(sql`now()`),
  },
  (table) => [primaryKey({ columns: [table.workspace, table.agent_id] })],
);

/** One row for each finished assignment. It has no foreign key, because rows arrive in any order. See `AgentRun`. */
export const agentRuns = pgTable(
  'agent_runs',
  {
    workspace: text().notNull(),
    task_id: uuid().notNull(),
    epoch: integer().notNull(),
    session_id: uuid().notNull(),
    agent_id: uuid().notNull(),
    agent_name: text().notNull(),
    session_type: text().$type<SessionType>().notNull(),
    capabilities: text().array().$type<Capability[]>().notNull(),
    status: text().$type<ResultStatus>().notNull(),
    own_fault: boolean().notNull(),
    started_at: instant().notNull(),
    ended_at: instant().notNull(),
    duration_ms: count(),
    cost_usd: doublePrecision().notNull(),
    quality: doublePrecision(),
    ratings: integer().notNull(),
    recorded_at: instant().notNull().default(sql`now()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspace, table.task_id, table.epoch] }),
    index('agent_runs_of_agent').on(table.workspace, table.agent_id, table.ended_at),
    index('agent_runs_by_end').on(table.workspace, table.ended_at),
  ],
);

/** One row for each context, also for a removed one. See `ContextRecord`. */
export const contexts = pgTable(
  'contexts',
  {
    workspace: text().notNull(),
    id: uuid().notNull(),
    scope: text().$type<ContextScope>().notNull(),
    session_id: uuid(),
    agent_id: uuid(),
    name: text().notNull(),
    version: integer().notNull(),
    /** How much the row has of its version. See `ContextArchive`. */
    has: smallint().notNull(),
    keys: text().notNull(),
    /** Text and not `jsonb`, which would change numbers and the order of members. */
    data: text(),
    history: text(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
    updated_by: jsonb().$type<ContextWriter>().notNull(),
    recorded_at: instant().notNull().default(sql`now()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspace, table.id] }),
    index('contexts_by_age').on(table.workspace, table.created_at, table.id),
    index('contexts_of_session').on(table.workspace, table.session_id, table.created_at, table.id),
    index('contexts_of_agent').on(table.workspace, table.agent_id, table.created_at, table.id),
  ],
);
