import { and, desc, eq, isNotNull, lt, type SQL, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import type { ContextArchive, ContextPosition, ContextRecord, StoredContext } from '../../ports/context-archive.ts';
import type { ContextSummary } from '../../protocol/context/context.ts';
import type { ContextFilter } from '../../protocol/context/list.ts';
import type { Sql } from './connection.ts';
import { classified } from './errors.ts';
import { contexts } from './schema.ts';
import { storable } from './storable.ts';

/** How much a row has of its version. Of one version, more replaces less. */
const HAS = { summary: 0, data: 1, history: 2, removal: 3 } as const;

const SUMMARY = {
  id: contexts.id,
  name: contexts.name,
  scope: contexts.scope,
  session_id: contexts.session_id,
  agent_id: contexts.agent_id,
  version: contexts.version,
  created_at: contexts.created_at,
  updated_at: contexts.updated_at,
  updated_by: contexts.updated_by,
};

type Row = Pick<typeof contexts.$inferSelect, keyof typeof SUMMARY>;

/** Contexts in Postgres, over Neon's HTTP protocol. */
export class PostgresContextArchive implements ContextArchive {
  readonly #connection: (signal?: AbortSignal) => Sql;

  /** @param connection from `connect` */
  constructor(connection: (signal?: AbortSignal) => Sql) {
    this.#connection = connection;
  }

  async put(record: ContextRecord, signal?: AbortSignal): Promise<boolean> {
    const { workspace, id, version } = record;
    const row = rowOf(record);
    const put = this.#database(signal)
      .insert(contexts)
      .values(row)
      .onConflictDoUpdate({
        target: [contexts.workspace, contexts.id],
        set: row,
        setWhere: sql`(${contexts.version}, ${contexts.has}) < (excluded.version, excluded.has)`,
      })
      .returning({ version: contexts.version });
    if ((await classified(put)).length > 0) return true;
    // Only a repeated or late message asks this.
    const enough = and(
      this.#is(workspace, id),
      sql`(${contexts.version}, ${contexts.has}) >= (${version}::int, ${row.has}::int)`,
    );
    const stored = this.#database(signal).select({ version: contexts.version }).from(contexts).where(enough);
    return (await classified(stored)).length > 0;
  }

  async remove(workspace: string, id: string, version: number, signal?: AbortSignal): Promise<void> {
    const row = { version, has: HAS.removal, keys: '', data: null, history: null };
    const nobody = { token_id: '', agent_id: null, task_id: null, epoch: null };
    const now = new Date();
    // The row stays, so that a late message does not bring the context back. It may also be the first message.
    const tombstone = { workspace, id, scope: 'temporary', name: '', created_at: now, updated_at: now } as const;
    await classified(
      this.#database(signal)
        .insert(contexts)
        .values({ ...tombstone, updated_by: nobody, ...row })
        .onConflictDoUpdate({
          target: [contexts.workspace, contexts.id],
          set: row,
          setWhere: sql`(${contexts.version}, ${contexts.has}) < (excluded.version, excluded.has)`,
        }),
    );
  }

  async read(workspace: string, id: string, signal?: AbortSignal): Promise<StoredContext | null> {
    const { version, updated_at, updated_by, data } = contexts;
    const query = this.#database(signal)
      .select({ version, updated_at, updated_by, data })
      .from(contexts)
      .where(and(this.#is(workspace, id), isNotNull(data)));
    const [row] = await classified(query);
    return row ? { ...row, updated_at: row.updated_at.toISOString(), data: row.data! } : null;
  }

  async history(
    workspace: string,
    id: string,
    signal?: AbortSignal,
  ): Promise<{ version: number; history: string } | null> {
    const query = this.#database(signal)
      .select({ version: contexts.version, history: contexts.history })
      .from(contexts)
      .where(and(this.#is(workspace, id), isNotNull(contexts.history)));
    const [row] = await classified(query);
    return row ? { version: row.version, history: row.history! } : null;
  }

  async list(
    workspace: string,
    { session_id, agent_id, scope, q }: ContextFilter,
    after: ContextPosition | null,
    limit: number,
  ): Promise<ContextSummary[]> {
    const conditions: (SQL | undefined)[] = [
      eq(contexts.workspace, workspace),
      lt(contexts.has, HAS.removal),
      session_id === undefined ? undefined : eq(contexts.session_id, session_id),
      agent_id === undefined ? undefined : eq(contexts.agent_id, agent_id),
      scope === undefined ? undefined : eq(contexts.scope, scope),
      // Not LIKE, whose patterns give some characters a meaning.
      q === undefined ? undefined : sql`strpos(${contexts.keys}, ${storable(q).toLowerCase()}::text) > 0`,
      after === null
        ? undefined
        : sql`(${contexts.created_at}, ${contexts.id}) < (${after.created_at}::timestamptz, ${after.id}::uuid)`,
    ];
    const query = this.#database()
      .select(SUMMARY)
      .from(contexts)
      .where(and(...conditions))
      .orderBy(desc(contexts.created_at), desc(contexts.id))
      .limit(limit);
    return (await classified(query)).map(summaryOf);
  }

  #is(workspace: string, id: string): SQL | undefined {
    return and(eq(contexts.workspace, workspace), eq(contexts.id, id));
  }

  #database(signal?: AbortSignal) {
    return drizzle({ client: this.#connection(signal) });
  }
}

function rowOf({ created_at, updated_at, keys, name, ...record }: ContextRecord): typeof contexts.$inferInsert {
  const { data, history } = record;
  return {
    ...record,
    name: storable(name),
    // In lower case by the rules of this program, as the search is, and not by those of the database's locale.
    keys: storable(`${name}\n${keys}`).toLowerCase(),
    has: history !== null ? HAS.history : data !== null ? HAS.data : HAS.summary,
    created_at: new Date(created_at),
    updated_at: new Date(updated_at),
  };
}

function summaryOf({ created_at, updated_at, ...row }: Row): ContextSummary {
  const { id, name, scope, session_id, agent_id, version, updated_by } = row;
  return {
    ...{ id, name, scope, session_id, agent_id, version },
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    updated_by,
  };
}
