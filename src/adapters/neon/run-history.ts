import { and, asc, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import type { RunHistory, SessionRun } from '../../ports/run-history.ts';
import type { Sql } from './connection.ts';
import { classified } from './errors.ts';
import { sessionRuns } from './schema.ts';
import { storable } from './storable.ts';

type Row = typeof sessionRuns.$inferSelect;

/** Finished runs in Postgres, over Neon's HTTP protocol. Recording the same run twice inserts one row. */
export class PostgresRunHistory implements RunHistory {
  readonly #connection: (signal?: AbortSignal) => Sql;

  /** @param connection from `connect` */
  constructor(connection: (signal?: AbortSignal) => Sql) {
    this.#connection = connection;
  }

  async record(run: SessionRun, signal?: AbortSignal): Promise<void> {
    await classified(this.#database(signal).insert(sessionRuns).values(rowOf(run)).onConflictDoNothing());
  }

  async runsOf(workspace: string, sessionId: string): Promise<SessionRun[]> {
    const query = this.#database()
      .select()
      .from(sessionRuns)
      .where(and(eq(sessionRuns.workspace, workspace), eq(sessionRuns.session_id, sessionId)))
      .orderBy(asc(sessionRuns.run));
    return (await classified(query)).map(runOf);
  }

  #database(signal?: AbortSignal) {
    return drizzle({ client: this.#connection(signal) });
  }
}

function rowOf({ usage, started_at, ended_at, ...run }: SessionRun): typeof sessionRuns.$inferInsert {
  return {
    ...run,
    ...usage,
    title: storable(run.title),
    error_code: run.error_code === null ? null : storable(run.error_code),
    started_at: started_at === null ? null : new Date(started_at),
    ended_at: new Date(ended_at),
  };
}

function runOf({ recorded_at: _, started_at, ended_at, ...row }: Row): SessionRun {
  const { turns, input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens, ...more } = row;
  const { cost_usd, unpriced_turns, ...run } = more;
  return {
    ...run,
    started_at: started_at?.toISOString() ?? null,
    ended_at: ended_at.toISOString(),
    usage: {
      turns,
      input_tokens,
      output_tokens,
      reasoning_tokens,
      cache_read_tokens,
      cache_write_tokens,
      cost_usd,
      unpriced_turns,
    },
  };
}
