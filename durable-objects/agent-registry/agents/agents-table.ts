import { keptRemotes } from '../../../src/domain/dispatch/remotes.ts';
import type { AgentFilter } from '../../../src/ports/agent-registry.ts';
import type { AgentHello } from '../../../src/protocol/agent/control-socket.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import { MAX_AGENT_NAME_CHARS } from '../../../src/protocol/common/limits.ts';
import type { Page, PageQuery } from '../../../src/protocol/common/page.ts';
import type { SqlValue } from '../../kit/platform/platform.ts';
import { Keyset } from '../../kit/storage/keyset.ts';
import type { ObjectStore } from '../../kit/storage/store.ts';
import {
  type Agent,
  type AgentRow,
  agentOf,
  columnsOf,
  type Drain,
  ENROLLED,
  type Enrolment,
  enrolmentIn,
  hashOf,
  storedValue,
} from './agent-rows.ts';
import { isOwner, type Owner, type StoredOwner } from './owner.ts';
import type { ResultsTable } from './results-table.ts';

/** Records agents in the history. @param removed whether the agent is no longer registered */
export type RecordAgent = (agent: Agent, removed: boolean) => void;

/** The digits of an id that make the name of a second agent of this name. */
const SUFFIX_DIGITS = 4;

const WITH_USE = `SELECT *, (SELECT COUNT(*) FROM slots WHERE slots.agent_id = agents.id) AS slots_used FROM agents`;

const BY_NAME = new Keyset('agents', [{ sql: 'name' }, { sql: 'id' }]);

/** The table of enrolled agents. Methods that write must run inside a transaction. */
export class AgentsTable {
  readonly #store: ObjectStore;
  readonly #changed: Set<string>;
  readonly #results: ResultsTable;
  readonly #record: RecordAgent | null;

  /**
   * @param changed gets the ids of the agents whose rows change in what decides about their work or shows their state
   * @param results those of a removed agent are removed with it
   * @param record called inside the transaction that changes the agent; null if nothing is recorded
   */
  constructor(store: ObjectStore, changed: Set<string>, results: ResultsTable, record: RecordAgent | null = null) {
    this.#store = store;
    this.#results = results;
    this.#changed = changed;
    this.#record = record;
  }

  isEmpty(): boolean {
    return this.#store.row(`SELECT 1 FROM agents LIMIT 1`) === undefined;
  }

  find(id: string): Agent | undefined {
    return this.#read(`${WITH_USE} WHERE id = ?`, id)[0];
  }

  /** The agent with a name, and its owner. */
  named(name: string): { id: string; owner: StoredOwner } | undefined {
    return this.#owned('name', name);
  }

  /** The agent with an id, and its owner. */
  identified(id: string): { id: string; owner: StoredOwner } | undefined {
    return this.#owned('id', id);
  }

  #owned(column: 'name' | 'id', value: string): { id: string; owner: StoredOwner } | undefined {
    const row = this.#store.row<AgentRow>(`SELECT * FROM agents WHERE ${column} = ?`, value);
    return row && { id: row.id, owner: row };
  }

  /**
   * How a hello compares with the registration of its agent. `foreign`: the id belongs to another agent. `renewed`: only
   * the token is another one. What people have changed since the same hello stays.
   */
  compare(id: string, hello: AgentHello, owner: Owner): 'new' | 'same' | 'renewed' | 'changed' | 'foreign' {
    const row = this.#store.row<AgentRow>(`SELECT * FROM agents WHERE id = ?`, id);
    if (row === undefined) return 'new';
    if (!isOwner(row, owner)) return 'foreign';
    if (row.hello_hash !== hashOf(hello)) return 'changed';
    const isSameOwner = row.token_id === owner.token_id && row.secret_hash === owner.secret_hash;
    return owner.acts || isSameOwner ? 'same' : 'renewed';
  }

  /** Inserts or replaces an agent from its hello. */
  enrol(id: string, hello: AgentHello, owner: Owner, now: number): void {
    // An agent with its own token was registered under its name.
    const registered = owner.acts ? this.find(id)?.name : undefined;
    const name = registered ?? this.#freeName(hello.name, id);
    this.#put(
      id,
      { ...enrolmentIn(hello), name },
      { hello_hash: hashOf(hello), last_seen_at: now, ...columnsOf(owner) },
      now,
    );
  }

  /** Inserts or replaces an agent that a request registers. Its next hello says everything again. */
  register(id: string, enrolment: Enrolment, owner: StoredOwner, now: number): void {
    const last_seen_at = this.find(id)?.last_seen_at ?? 0;
    this.#put(id, enrolment, { ...owner, hello_hash: null, last_seen_at }, now);
    this.setIdleSince(id, now);
  }

  /** Stores that the agent says hello with another token. */
  setOwner(id: string, { token_id, secret_hash }: Owner): void {
    this.#store.rows(`UPDATE agents SET token_id = ?, secret_hash = ? WHERE id = ?`, token_id, secret_hash, id);
  }

  /** Agents of earlier releases choose their names freely. The name of another agent gets a suffix. */
  #freeName(wanted: string, id: string): string {
    const isFree = (name: string) => (this.named(name)?.id ?? id) === id;
    if (isFree(wanted)) return wanted;
    for (let digits = SUFFIX_DIGITS; ; digits++) {
      const suffix = `-${id.replaceAll('-', '').slice(0, digits).toUpperCase()}`;
      const name = wanted.slice(0, MAX_AGENT_NAME_CHARS - suffix.length) + suffix;
      // The whole id is unique.
      if (isFree(name) || digits >= id.length) return name;
    }
  }

  update(id: string, changes: { [Column in keyof Enrolment]?: Enrolment[Column] | undefined }): void {
    const columns = ENROLLED.filter((column) => changes[column] !== undefined);
    if (columns.length === 0) return;
    this.#changed.add(id);
    this.#store.rows(
      `UPDATE agents SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`,
      ...columns.map((column) => storedValue(changes[column])),
      id,
    );
    this.#recordChange(id);
  }

  /** Stores what an agent's results say. Writes only what has changed. */
  setJudgement(agent: Agent, { tier, duration_ms, breaker }: Pick<Agent, 'tier' | 'duration_ms' | 'breaker'>): void {
    this.#changed.add(agent.id);
    this.#store.rows(
      `UPDATE agents SET tier = ?1, duration_ms = ?2, breaker = ?3
       WHERE id = ?4 AND (tier <> ?1 OR duration_ms IS NOT ?2 OR breaker IS NOT ?3)`,
      tier,
      duration_ms,
      breaker && JSON.stringify(breaker),
      agent.id,
    );
    if (tier !== agent.tier) this.#recordChange(agent.id);
  }

  setDrain(id: string, drain: Drain | null): void {
    this.#changed.add(id);
    this.#store.rows(`UPDATE agents SET drain = ? WHERE id = ?`, drain && JSON.stringify(drain), id);
  }

  draining(): Agent[] {
    return this.#read(`${WITH_USE} WHERE drain IS NOT NULL`);
  }

  /** How many agents are enrolled, in all and by a token. */
  count(tokenId: string | null): { all: number; of_token: number } {
    const sql = `SELECT COUNT(*) AS all_agents, COALESCE(SUM(token_id = ?), 0) AS of_token FROM agents`;
    const { all_agents, of_token } = this.#store.row<{ all_agents: number; of_token: number }>(sql, tokenId)!;
    return { all: all_agents, of_token };
  }

  /**
   * The agents that may be forgotten, longest unseen first: those without a slot. One that was registered or drains must
   * have been unseen for a while, because it may be about to start.
   * @param tokenId only those of a token
   * @param unseenSince ms since the epoch
   */
  idle(tokenId: string | null, unseenSince: number): string[] {
    const sql = `SELECT id FROM agents WHERE (? IS NULL OR token_id = ?)
      AND ((own_token_id IS NULL AND drain IS NULL) OR MAX(last_seen_at, idle_since) <= ?)
      AND NOT EXISTS (SELECT 1 FROM slots WHERE slots.agent_id = agents.id) ORDER BY last_seen_at, id`;
    return this.#store.rows<{ id: string }>(sql, tokenId, tokenId, unseenSince).map(({ id }) => id);
  }

  setLastSeen(id: string, at: number): void {
    this.#store.rows(`UPDATE agents SET last_seen_at = ? WHERE id = ?`, at, id);
    this.#changed.add(id);
  }

  /** Stores when an agent was heard without a socket. */
  setPolled(id: string, at: number): void {
    this.#store.rows(`UPDATE agents SET polled_at = ?, last_seen_at = ? WHERE id = ?`, at, at, id);
    this.#changed.add(id);
  }

  /** The agents that were heard without a socket after `since`, with when, as far as that is stored. */
  polledSince(since: number): { id: string; polled_at: number }[] {
    return this.#store.rows(`SELECT id, polled_at FROM agents WHERE polled_at > ?`, since);
  }

  /** Records that a slot of the agent became free. @returns whether the agent is draining */
  setIdleSince(id: string, at: number): boolean {
    this.#changed.add(id);
    const sql = `UPDATE agents SET idle_since = ? WHERE id = ? RETURNING drain`;
    return (this.#store.row<{ drain: string | null }>(sql, at, id)?.drain ?? null) !== null;
  }

  /** Deletes an agent and its results. */
  remove(id: string): void {
    this.#changed.add(id);
    this.#recordChange(id, true);
    this.#store.rows(`DELETE FROM agents WHERE id = ?`, id);
    this.#results.removeOf(id);
  }

  isDraining(id: string): boolean {
    return this.#store.row(`SELECT 1 FROM agents WHERE id = ? AND drain IS NOT NULL`, id) !== undefined;
  }

  /** Whether a token is the agent's own one. */
  isOwnToken(id: string, tokenId: string): boolean {
    return this.#store.row(`SELECT 1 FROM agents WHERE id = ? AND own_token_id = ?`, id, tokenId) !== undefined;
  }

  /** Those of some ids that exist. */
  some(ids: readonly string[]): Agent[] {
    if (ids.length === 0) return [];
    return this.#read(`${WITH_USE} WHERE id IN (SELECT value FROM json_each(?))`, JSON.stringify(ids));
  }

  lastSeen(): (Pick<Agent, 'id' | 'last_seen_at' | 'idle_since'> & { is_registered: number })[] {
    const sql = `SELECT id, last_seen_at, idle_since, own_token_id IS NOT NULL OR drain IS NOT NULL AS is_registered
      FROM agents`;
    return this.#store.rows(sql);
  }

  all(): Agent[] {
    return this.#read(`${WITH_USE} ORDER BY name, id`);
  }

  /** A page of the agents, sorted by name. @param awake the ids of the agents that are heard now */
  page(filter: AgentFilter, awake: readonly string[], page: PageQuery): Outcome<Page<Agent>> {
    const { conditions, bindings } = conditionsOf(filter, awake, this.#store.platform.now());
    const from = { select: '*', from: `(${WITH_USE})`, where: conditions.join(' AND ') || '1', bindings };
    const rows = BY_NAME.page<AgentRow>(this.#store, from, page);
    return rows.ok ? { ok: true, value: { ...rows.value, items: rows.value.items.map(agentOf) } } : rows;
  }

  #put(id: string, enrolment: Enrolment, more: Readonly<Record<string, SqlValue>>, now: number): void {
    this.#changed.add(id);
    const values: Record<string, SqlValue> = { ...more };
    const kept = { ...enrolment, remotes: keptRemotes(enrolment.remotes) };
    for (const column of ENROLLED) values[column] = storedValue(kept[column]);
    const columns = Object.keys(values);
    this.#store.rows(
      `INSERT INTO agents (id, idle_since, ${columns.join(', ')}) VALUES (?, ?, ${columns.map(() => '?').join(', ')})
       ON CONFLICT (id) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
      id,
      now,
      ...Object.values(values),
    );
    this.#recordChange(id);
  }

  /** Records some of the agents of which no change was recorded: they were registered before there was a database. */
  recordOthers(most: number): void {
    if (!this.#record) return;
    const others = this.#store.rows<{ id: string }>(`SELECT id FROM agents WHERE rev = 0 LIMIT ?`, most);
    for (const { id } of others) this.#recordChange(id);
  }

  /**
   * Gives the agent a new revision and records it. Revisions grow also when a removed agent registers again; they begin
   * with the time, because a database can outlive the storage of the object.
   */
  #recordChange(id: string, removed = false): void {
    if (!this.#record) return;
    const { last } = this.#store.row<{ last: number }>(
      `INSERT INTO agent_revisions (one, last) VALUES (1, ?1)
       ON CONFLICT (one) DO UPDATE SET last = MAX(last + 1, ?1) RETURNING last`,
      this.#store.platform.now(),
    )!;
    const sql = `UPDATE agents SET rev = ? WHERE id = ? RETURNING *, 0 AS slots_used`;
    const row = this.#store.row<AgentRow>(sql, last, id);
    if (row) this.#record(agentOf(row), removed);
  }

  #read(query: string, ...bindings: string[]): Agent[] {
    return this.#store.rows<AgentRow>(query, ...bindings).map(agentOf);
  }
}

function conditionsOf(
  { capability, agent_type, performance_tier, label, is_available }: AgentFilter,
  awake: readonly string[],
  now: number,
): { conditions: string[]; bindings: SqlValue[] } {
  const conditions: string[] = [];
  const bindings: SqlValue[] = [];
  const add = (sql: string, value: SqlValue) => {
    conditions.push(sql);
    bindings.push(value);
  };
  for (const each of capability) add(`EXISTS (SELECT 1 FROM json_each(capabilities) WHERE value = ?)`, each);
  for (const each of label) add(`EXISTS (SELECT 1 FROM json_each(labels) WHERE value = ?)`, each);
  if (agent_type.length > 0) add(`agent_type IN (SELECT value FROM json_each(?))`, JSON.stringify(agent_type));
  if (performance_tier.length > 0) add(`tier IN (SELECT value FROM json_each(?))`, JSON.stringify(performance_tier));
  if (is_available !== undefined) {
    const openUntil = `json_extract(breaker, '$.open_until')`;
    const isTrusted = `(${openUntil} IS NULL OR (${openUntil} <= ${now} AND slots_used = 0))`;
    const available = `drain IS NULL AND ${isTrusted} AND slots_used < capacity AND id IN (SELECT value FROM json_each(?))`;
    add(is_available ? available : `NOT (${available})`, JSON.stringify(awake));
  }
  return { conditions, bindings };
}
