import type { RunHistory, SessionRun } from '../../ports/run-history.ts';
import type { Sql } from './connection.ts';
import { classified } from './errors.ts';
import type { sessionRuns } from './schema.ts';

/**
 * The schema checks the names and makes the migrations. It is imported as a type alone: the query builder would be an
 * eighth of the Worker, and there are two statements.
 */
type Table = typeof sessionRuns.$inferSelect;
/** A new row. Times are ISO 8601. The database sets `recorded_at`. */
type NewRow = Omit<Table, 'recorded_at' | 'started_at' | 'ended_at'> & Pick<SessionRun, 'started_at' | 'ended_at'>;
/** A row as the driver reads it: a `bigint` is a text. */
type Row = Omit<Table, BigCount> & Record<BigCount, string>;
type BigCount =
  | 'active_ms'
  | 'input_tokens'
  | 'output_tokens'
  | 'reasoning_tokens'
  | 'cache_read_tokens'
  | 'cache_write_tokens';

const COLUMNS = [
  'workspace',
  'session_id',
  'run',
  'title',
  'session_type',
  'priority',
  'status',
  'attempts',
  'agent_id',
  'agent_name',
  'started_at',
  'ended_at',
  'active_ms',
  'turns',
  'input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cost_usd',
  'unpriced_turns',
  'error_code',
] as const satisfies (keyof NewRow)[];

/** Finished runs in Postgres, over Neon's HTTP protocol. Recording the same run twice inserts one row. */
export class PostgresRunHistory implements RunHistory {
  readonly #connection: (signal?: AbortSignal) => Sql;

  /** @param connection from `connect` */
  constructor(connection: (signal?: AbortSignal) => Sql) {
    this.#connection = connection;
  }

  async record(run: SessionRun, signal?: AbortSignal): Promise<void> {
    const row = rowOf(run);
    // A run that an earlier release has left in an outbox lacks newer members. Their columns get the default.
    const columns = COLUMNS.filter((column) => row[column] !== undefined);
    const values = columns.map((_, index) => `$${index + 1}`);
    const insert = `INSERT INTO session_runs (${columns.join(', ')}) VALUES (${values.join(', ')}) ON CONFLICT DO NOTHING`;
    await classified(
      this.#connection(signal).query(
        insert,
        columns.map((column) => row[column]),
      ),
    );
  }

  async runsOf(workspace: string, sessionId: string): Promise<SessionRun[]> {
    const select = `SELECT * FROM session_runs WHERE workspace = $1 AND session_id = $2 ORDER BY run`;
    const rows = await classified(this.#connection().query(select, [workspace, sessionId]));
    return (rows as Row[]).map(runOf);
  }
}

function rowOf({ usage, ...run }: SessionRun): NewRow {
  return {
    ...run,
    ...usage,
    title: storable(run.title),
    error_code: run.error_code === null ? null : storable(run.error_code),
  };
}

/** Removes the characters that Postgres's `text` cannot store: U+0000 and unpaired surrogates. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}

function runOf({ recorded_at: _, started_at, ended_at, ...row }: Row): SessionRun {
  const { turns, input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens, ...more } = row;
  const { cost_usd, unpriced_turns, active_ms, ...run } = more;
  return {
    ...run,
    active_ms: Number(active_ms),
    started_at: started_at?.toISOString() ?? null,
    ended_at: ended_at.toISOString(),
    usage: {
      turns,
      input_tokens: Number(input_tokens),
      output_tokens: Number(output_tokens),
      reasoning_tokens: Number(reasoning_tokens),
      cache_read_tokens: Number(cache_read_tokens),
      cache_write_tokens: Number(cache_write_tokens),
      cost_usd,
      unpriced_turns,
    },
  };
}
