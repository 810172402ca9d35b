import { keptRemotes } from '../../../src/domain/dispatch/remotes.ts';
import type { Candidate } from '../../../src/domain/dispatch/routing.ts';
import type { AgentView } from '../../../src/protocol/agent/agent.ts';
import type { AgentHello } from '../../../src/protocol/agent/control-socket.ts';
import { type Outcome, ok } from '../../../src/protocol/common/errors.ts';
import type { Page, PageQuery } from '../../../src/protocol/common/page.ts';
import { Keyset } from '../../kit/storage/keyset.ts';
import type { ObjectStore } from '../../kit/storage/store.ts';
import { instant } from '../../kit/text.ts';

/** The stored members of an agent's hello. The connected process is part of the connection (`ControlAttachment`). */
const ENROLLED = ['name', 'capacity', 'capabilities', 'labels', 'repository', 'remotes', 'model', 'version'] as const;
type Enrolment = Pick<AgentHello, (typeof ENROLLED)[number]>;

/** To whom an agent's id belongs. */
export interface Owner {
  token_id: string;
  /** The digest of the agent's secret; null if it has none. */
  secret_hash: string | null;
}
/** Rows of earlier releases have no owner. */
type StoredOwner = Owner | { token_id: null; secret_hash: null };

/** A stored agent. Times are in ms since the epoch. */
interface Agent extends Omit<AgentView, 'connected' | 'last_seen_at'> {
  /** Not updated while the agent is connected. */
  last_seen_at: number;
  /** When one of its slots last became free. */
  idle_since: number;
}

/** Lists are stored as JSON. */
type Lists = 'capabilities' | 'labels' | 'remotes';
type AgentRow = Omit<Agent, Lists> & Record<Lists, string>;

type StoredAgent = Agent & StoredOwner;

const WITH_USE = `SELECT *, (SELECT COUNT(*) FROM slots WHERE slots.agent_id = agents.id) AS slots_used FROM agents`;

const BY_NAME = new Keyset('agents', [{ sql: 'name' }, { sql: 'id' }]);

/** The table of enrolled agents. Methods that write must run inside a transaction. */
export class AgentsTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  isEmpty(): boolean {
    return this.#store.row(`SELECT 1 FROM agents LIMIT 1`) === undefined;
  }

  /** How a hello compares with the registration of its agent. `foreign`: the id belongs to another agent. */
  compare(id: string, enrolment: Enrolment, owner: Owner): 'new' | 'same' | 'changed' | 'foreign' {
    const row = this.#store.row<AgentRow & StoredOwner>(`SELECT * FROM agents WHERE id = ?`, id);
    if (row === undefined) return 'new';
    if (!isOwner(row, owner)) return 'foreign';
    const values = storedValues(enrolment);
    const isSame =
      row.token_id === owner.token_id &&
      row.secret_hash === owner.secret_hash &&
      ENROLLED.every((column, index) => row[column] === values[index]);
    return isSame ? 'same' : 'changed';
  }

  /** Inserts or replaces an agent. */
  enrol(id: string, enrolment: Enrolment, { token_id, secret_hash }: Owner, now: number): void {
    const columns = [...ENROLLED, 'token_id', 'secret_hash', 'last_seen_at'];
    this.#store.rows(
      `INSERT INTO agents (id, idle_since, ${columns.join(', ')}) VALUES (?, ?, ${columns.map(() => '?').join(', ')})
       ON CONFLICT (id) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
      id,
      now,
      ...storedValues(enrolment),
      token_id,
      secret_hash,
      now,
    );
  }

  /** How many agents are enrolled, in all and by a token. */
  count(tokenId: string): { all: number; of_token: number } {
    const sql = `SELECT COUNT(*) AS all_agents, COALESCE(SUM(token_id = ?), 0) AS of_token FROM agents`;
    const { all_agents, of_token } = this.#store.row<{ all_agents: number; of_token: number }>(sql, tokenId)!;
    return { all: all_agents, of_token };
  }

  /** The agents without a slot, longest unseen first. @param tokenId only those of a token */
  idle(tokenId: string | null): string[] {
    const sql = `SELECT id FROM agents WHERE (? IS NULL OR token_id = ?)
      AND NOT EXISTS (SELECT 1 FROM slots WHERE slots.agent_id = agents.id) ORDER BY last_seen_at, id`;
    return this.#store.rows<{ id: string }>(sql, tokenId, tokenId).map(({ id }) => id);
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

  /** Agents with at least one free slot, connected or not. */
  withRoom(): Candidate[] {
    return this.#read(`SELECT * FROM (${WITH_USE}) WHERE slots_used < capacity`);
  }

  lastSeen(): { id: string; last_seen_at: number }[] {
    return this.#store.rows(`SELECT id, last_seen_at FROM agents`);
  }

  /**
   * The API's views of agents, sorted by name.
   * @param aliveAt when each connected agent was last heard, in ms since the epoch
   */
  views(aliveAt: Map<string, number>, id: string | null = null): AgentView[] {
    const agents =
      id === null ? this.#read(`${WITH_USE} ORDER BY name, id`) : this.#read(`${WITH_USE} WHERE id = ?`, id);
    return agents.map((agent) => viewOf(agent, aliveAt));
  }

  /** A page of the views, sorted by name. */
  page(aliveAt: Map<string, number>, page: PageQuery): Outcome<Page<AgentView>> {
    const rows = BY_NAME.page<AgentRow & StoredOwner>(this.#store, { select: '*', from: `(${WITH_USE})` }, page);
    if (!rows.ok) return rows;
    return ok({ ...rows.value, items: rows.value.items.map((row) => viewOf(agentOf(row), aliveAt)) });
  }

  #read(query: string, ...bindings: string[]): StoredAgent[] {
    return this.#store.rows<AgentRow & StoredOwner>(query, ...bindings).map(agentOf);
  }
}

function agentOf({ capabilities, labels, remotes, ...row }: AgentRow & StoredOwner): StoredAgent {
  return {
    ...row,
    capabilities: JSON.parse(capabilities),
    labels: JSON.parse(labels),
    remotes: JSON.parse(remotes),
  };
}

function viewOf(
  { idle_since: _, token_id: _token, secret_hash: _secret, last_seen_at, ...agent }: StoredAgent,
  aliveAt: Map<string, number>,
): AgentView {
  return {
    ...agent,
    connected: aliveAt.has(agent.id),
    last_seen_at: instant(Math.max(last_seen_at, aliveAt.get(agent.id) ?? 0)),
  };
}

/** An id that was registered with a secret belongs to it, and else to the token. */
function isOwner(registered: StoredOwner, { token_id, secret_hash }: Owner): boolean {
  if (registered.secret_hash !== null) return registered.secret_hash === secret_hash;
  return registered.token_id === null || registered.token_id === token_id;
}

function storedValues(enrolment: Enrolment): (string | number | null)[] {
  const kept = { ...enrolment, remotes: keptRemotes(enrolment.remotes) };
  return ENROLLED.map((column) => {
    const value = kept[column];
    return Array.isArray(value) ? JSON.stringify(value) : value;
  });
}
