import { and, asc, eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import type { AgentHistory, AgentRecord, AgentRun } from '../../ports/agent-history.ts';
import type { Sql } from './connection.ts';
import { classified } from './errors.ts';
import { agentRuns, agents } from './schema.ts';
import { storable } from './storable.ts';

/**
 * Agents and their finished assignments in Postgres, over Neon's HTTP protocol. A row changes only to a newer revision
 * or rating, so that neither repeated nor late deliveries change anything.
 */
export class PostgresAgentHistory implements AgentHistory {
  readonly #connection: (signal?: AbortSignal) => Sql;

  /** @param connection from `connect` */
  constructor(connection: (signal?: AbortSignal) => Sql) {
    this.#connection = connection;
  }

  async recordAgent(agent: AgentRecord, signal?: AbortSignal): Promise<void> {
    const row = agentRowOf(agent);
    const insert = this.#database(signal).insert(agents).values(row);
    await classified(
      insert.onConflictDoUpdate({
        target: [agents.workspace, agents.agent_id],
        set: row,
        setWhere: sql`${agents.rev} < excluded.rev`,
      }),
    );
  }

  async recordRun(run: AgentRun, signal?: AbortSignal): Promise<void> {
    const row = runRowOf(run);
    const { quality, ratings } = row;
    await classified(
      this.#database(signal)
        .insert(agentRuns)
        .values(row)
        .onConflictDoUpdate({
          target: [agentRuns.workspace, agentRuns.task_id, agentRuns.epoch],
          set: { quality, ratings },
          setWhere: sql`${agentRuns.ratings} < excluded.ratings`,
        }),
    );
  }

  async agent(workspace: string, agentId: string): Promise<AgentRecord | null> {
    const query = this.#database()
      .select()
      .from(agents)
      .where(and(eq(agents.workspace, workspace), eq(agents.agent_id, agentId)));
    const [row] = await classified(query);
    return row ? agentOf(row) : null;
  }

  async runsOfAgent(workspace: string, agentId: string): Promise<AgentRun[]> {
    const query = this.#database()
      .select()
      .from(agentRuns)
      .where(and(eq(agentRuns.workspace, workspace), eq(agentRuns.agent_id, agentId)))
      .orderBy(asc(agentRuns.ended_at), asc(agentRuns.task_id), asc(agentRuns.epoch));
    return (await classified(query)).map(runOf);
  }

  #database(signal?: AbortSignal) {
    return drizzle({ client: this.#connection(signal) });
  }
}

/** The columns of free text. The words of enumerations need no change. */
const TEXTS = ['name', 'model', 'repository', 'version'] as const;
const LISTS = ['labels', 'preferred_technologies', 'remotes'] as const;

function agentRowOf({ changed_at, removed_at, capabilities, ...agent }: AgentRecord): typeof agents.$inferInsert {
  const texts = Object.fromEntries(TEXTS.map((column) => [column, agent[column] && storable(agent[column])]));
  const lists = Object.fromEntries(LISTS.map((column) => [column, agent[column].map(storable)]));
  return {
    ...agent,
    ...(texts as Pick<AgentRecord, (typeof TEXTS)[number]>),
    ...(lists as Record<(typeof LISTS)[number], string[]>),
    capabilities: [...capabilities],
    changed_at: new Date(changed_at),
    removed_at: removed_at === null ? null : new Date(removed_at),
  };
}

function agentOf({ recorded_at: _, ...row }: typeof agents.$inferSelect): AgentRecord {
  return { ...row, changed_at: row.changed_at.toISOString(), removed_at: row.removed_at?.toISOString() ?? null };
}

function runRowOf({ capabilities, started_at, ended_at, ...run }: AgentRun): typeof agentRuns.$inferInsert {
  return {
    ...run,
    capabilities: [...capabilities],
    agent_name: storable(run.agent_name),
    started_at: new Date(started_at),
    ended_at: new Date(ended_at),
  };
}

function runOf({ recorded_at: _, ...row }: typeof agentRuns.$inferSelect): AgentRun {
  return { ...row, started_at: row.started_at.toISOString(), ended_at: row.ended_at.toISOString() };
}
