import type { Candidate } from '../../../src/domain/dispatch/routing.ts';
import type { AgentView } from '../../../src/protocol/agent/agent.ts';
import type { AgentHello } from '../../../src/protocol/agent/control-socket.ts';
import type { ObjectStore } from '../../kit/store.ts';
import { instant } from '../../kit/text.ts';

interface AgentRow {
  id: string;
  name: string;
  instance_id: string;
  capacity: number;
  capabilities: string;
  labels: string;
  repository: string | null;
  remotes: string;
  model: string | null;
  version: string;
  last_seen_at: number;
  idle_since: number;
  slots_used: number;
}

/** What a hello registers, as it is stored. */
const REGISTERED = [
  'name',
  'instance_id',
  'capacity',
  'capabilities',
  'labels',
  'repository',
  'remotes',
  'model',
  'version',
] as const;

const WITH_USE = `SELECT *, (SELECT COUNT(*) FROM slots WHERE slots.agent_id = agents.id) AS slots_used FROM agents`;

/** The table of agents. Whatever writes here runs inside a transaction. */
export class AgentTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  has(id: string): boolean {
    return this.#store.row(`SELECT 1 FROM agents WHERE id = ?`, id) !== undefined;
  }

  isEmpty(): boolean {
    return this.#store.row(`SELECT 1 FROM agents LIMIT 1`) === undefined;
  }

  /** Whether the agent is known just as this hello describes it. */
  isKnownAs(id: string, hello: AgentHello): boolean {
    const row = this.#store.row<AgentRow>(`SELECT * FROM agents WHERE id = ?`, id);
    const values = registeredValues(hello);
    return row !== undefined && REGISTERED.every((column, index) => row[column] === values[index]);
  }

  register(id: string, hello: AgentHello, now: number): void {
    this.#store.rows(
      `INSERT INTO agents (id, ${REGISTERED.join(', ')}, last_seen_at, idle_since)
       VALUES (?, ${REGISTERED.map(() => '?').join(', ')}, ?, ?)
       ON CONFLICT (id) DO UPDATE SET ${REGISTERED.map((column) => `${column} = excluded.${column}`).join(', ')}, last_seen_at = excluded.last_seen_at`,
      id,
      ...registeredValues(hello),
      now,
      now,
    );
  }

  setLastSeen(id: string, at: number): void {
    this.#store.rows(`UPDATE agents SET last_seen_at = ? WHERE id = ?`, at, id);
  }

  setIdleSince(id: string, at: number): void {
    this.#store.rows(`UPDATE agents SET idle_since = ? WHERE id = ?`, at, id);
  }

  remove(id: string): void {
    this.#store.rows(`DELETE FROM agents WHERE id = ?`, id);
  }

  /** Agents with at least one free slot, alive or not. */
  withRoom(): Candidate[] {
    return this.#store.rows<AgentRow>(`SELECT * FROM (${WITH_USE}) WHERE slots_used < capacity`).map((row) => ({
      id: row.id,
      capacity: row.capacity,
      slots_used: row.slots_used,
      capabilities: JSON.parse(row.capabilities) as Candidate['capabilities'],
      labels: JSON.parse(row.labels) as string[],
      repository: row.repository,
      remotes: JSON.parse(row.remotes) as string[],
      idle_since: row.idle_since,
    }));
  }

  lastSeen(): { id: string; last_seen_at: number }[] {
    return this.#store.rows(`SELECT id, last_seen_at FROM agents`);
  }

  /**
   * Agents as the API shows them, by name.
   * @param aliveAt the last sign of life of each agent that is connected, in ms
   */
  views(aliveAt: Map<string, number>, id: string | null = null): AgentView[] {
    const rows =
      id === null
        ? this.#store.rows<AgentRow>(`${WITH_USE} ORDER BY name, id`)
        : this.#store.rows<AgentRow>(`${WITH_USE} WHERE id = ?`, id);
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      connected: aliveAt.has(row.id),
      capacity: row.capacity,
      slots_used: row.slots_used,
      capabilities: JSON.parse(row.capabilities) as AgentView['capabilities'],
      labels: JSON.parse(row.labels) as string[],
      repository: row.repository,
      remotes: JSON.parse(row.remotes) as string[],
      model: row.model,
      version: row.version,
      last_seen_at: instant(Math.max(row.last_seen_at, aliveAt.get(row.id) ?? 0)),
    }));
  }
}

function registeredValues(hello: AgentHello): (string | number | null)[] {
  return REGISTERED.map((column) => {
    const value = hello[column];
    return Array.isArray(value) ? JSON.stringify(value) : value;
  });
}
