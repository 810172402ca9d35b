import type { AgentHistory } from '../../ports/agent-history.ts';
import type { ContextArchive } from '../../ports/context-archive.ts';
import type { Probe } from '../../ports/probe.ts';
import type { RunHistory } from '../../ports/run-history.ts';
import { Breaker } from '../breaker.ts';

/**
 * The ports that Postgres implements. The driver and the query builder take a quarter of the time in which an isolate
 * starts, so they are loaded by the first call that needs them. A deployment without Postgres never loads them.
 */

/** One for each database, because all objects of an isolate share the fate of theirs. */
const breakers = new Map<string, Breaker>();

/** Finished runs in the database at this URL. */
export function postgresRunHistory(databaseUrl: string, fetchEndpoint?: string): RunHistory {
  const breaker = breakerOf(databaseUrl);
  const load = async () => {
    const [{ connect }, { PostgresRunHistory }] = await Promise.all([
      import('./connection.ts'),
      import('./run-history.ts'),
    ]);
    return new PostgresRunHistory(connect(databaseUrl, fetchEndpoint));
  };
  return {
    record: (run, signal) => breaker.run(async () => (await load()).record(run, signal)),
    runsOf: async (workspace, sessionId) => (await load()).runsOf(workspace, sessionId),
  };
}

/** Agents and their assignments in the database at this URL. */
export function postgresAgentHistory(databaseUrl: string, fetchEndpoint?: string): AgentHistory {
  const breaker = breakerOf(databaseUrl);
  const load = async () => {
    const [{ connect }, { PostgresAgentHistory }] = await Promise.all([
      import('./connection.ts'),
      import('./agent-history.ts'),
    ]);
    return new PostgresAgentHistory(connect(databaseUrl, fetchEndpoint));
  };
  return {
    recordAgent: (agent, signal) => breaker.run(async () => (await load()).recordAgent(agent, signal)),
    recordRun: (run, signal) => breaker.run(async () => (await load()).recordRun(run, signal)),
    agent: async (workspace, agentId) => (await load()).agent(workspace, agentId),
    runsOfAgent: async (workspace, agentId) => (await load()).runsOfAgent(workspace, agentId),
  };
}

/** Contexts in the database at this URL. While the breaker is open, reads fail at once too, because people wait for them. */
export function postgresContextArchive(databaseUrl: string, fetchEndpoint?: string): ContextArchive {
  const breaker = breakerOf(databaseUrl);
  const load = async () => {
    const [{ connect }, { PostgresContextArchive }] = await Promise.all([
      import('./connection.ts'),
      import('./contexts.ts'),
    ]);
    return new PostgresContextArchive(connect(databaseUrl, fetchEndpoint));
  };
  const run = <T>(call: (archive: ContextArchive) => Promise<T>) => breaker.run(async () => call(await load()));
  return {
    put: (record, signal) => run((archive) => archive.put(record, signal)),
    remove: (...removal) => run((archive) => archive.remove(...removal)),
    read: (...key) => run((archive) => archive.read(...key)),
    history: (...key) => run((archive) => archive.history(...key)),
    list: (...query) => run((archive) => archive.list(...query)),
  };
}

function breakerOf(databaseUrl: string): Breaker {
  const breaker = breakers.get(databaseUrl) ?? new Breaker();
  breakers.set(databaseUrl, breaker);
  return breaker;
}

/** Checks that the database at this URL answers a query. */
export function postgresProbe(databaseUrl: string, fetchEndpoint?: string): Probe {
  return {
    name: 'postgres',
    required: false,
    async check() {
      const { connect } = await import('./connection.ts');
      await connect(databaseUrl, fetchEndpoint)()`select 1`;
    },
  };
}
