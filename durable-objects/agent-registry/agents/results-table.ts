import { BoundedMap } from '../../../src/domain/bounded-map.ts';
import { qualityOfWork } from '../../../src/domain/fleet/performance.ts';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import type { Capability, ResultStatus } from '../../../src/protocol/common/enums.ts';
import type { ObjectStore, Transaction } from '../../kit/storage/store.ts';
import type { SlotKey } from '../slots/slots-table.ts';

/** The results by which an agent is judged. Older ones are deleted. */
const KEPT_RESULTS = 200;
/** The agents whose results are in memory. */
const AGENTS_IN_MEMORY = 200;

/** A stored result. */
export interface StoredResult extends SlotKey {
  status: ResultStatus;
  /** In ms since the epoch. */
  ended_at: number;
  duration_ms: number;
  cost_usd: number;
  capabilities: readonly Capability[];
  /** From 0 to 1; null if nothing says how good the work is. */
  quality: number | null;
  /** The number of the last rating; 0 before the first. */
  ratings: number;
}

/**
 * The table of how agents' assignments have ended. Methods that write must run inside a transaction.
 *
 * An agent is judged by all of its results whenever one is added, so those of the agents that work now are in memory. A
 * transaction that fails clears them.
 */
export class ResultsTable {
  readonly #store: ObjectStore;
  /** The results of agents, newest first. */
  #recent = new BoundedMap<string, readonly StoredResult[]>(AGENTS_IN_MEMORY);
  /** The last transaction that has changed results. */
  #changedBy: Transaction | null = null;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * Adds a result, or rates it, and forgets the oldest beyond the limit.
   * @returns what that has changed: nothing for a repeat, and for one that is older than those that are kept
   */
  add({ task_id, epoch }: SlotKey, result: AssignmentResult): 'new' | 'rated' | null {
    const { agent_id, status, ended_at, duration_ms, cost_usd, capabilities } = result;
    const recent = this.of(agent_id);
    const known = recent.find((one) => one.ended_at === ended_at && one.task_id === task_id && one.epoch === epoch);
    const ratings = result.rating?.number ?? 0;
    if (known && known.ratings >= ratings) return null;
    const quality = qualityOfWork(result);
    if (known) {
      this.#rate(agent_id, { ...known, quality, ratings });
      return 'rated';
    }
    if (ended_at < (recent[KEPT_RESULTS - 1]?.ended_at ?? Number.NEGATIVE_INFINITY)) return null;
    const added = { task_id, epoch, status, ended_at, duration_ms, cost_usd, capabilities, quality, ratings };
    this.#insert(added, result);
    this.#set(agent_id, this.#kept(agent_id, [added, ...recent].sort(newestFirst)));
    return 'new';
  }

  /** An agent's results, newest first. */
  of(agentId: string): readonly StoredResult[] {
    if (this.#changedBy?.outcome === 'failed') this.#forget();
    const known = this.#recent.get(agentId);
    if (known) return known;
    const rows = this.#store.rows<Omit<StoredResult, 'capabilities'> & { capabilities: string }>(
      `SELECT task_id, epoch, status, ended_at, duration_ms, cost_usd, capabilities, quality, ratings
       FROM agent_results WHERE agent_id = ?`,
      agentId,
    );
    const read = rows.map((row) => ({ ...row, capabilities: JSON.parse(row.capabilities) as Capability[] }));
    read.sort(newestFirst);
    this.#recent.set(agentId, read);
    return read;
  }

  /** Deletes the results of an agent. */
  removeOf(agentId: string): void {
    this.#store.rows(`DELETE FROM agent_results WHERE agent_id = ?`, agentId);
    this.#set(agentId, []);
  }

  #insert({ task_id, epoch, quality, ratings }: StoredResult, result: AssignmentResult): void {
    this.#store.rows(
      `INSERT INTO agent_results (agent_id, ended_at, task_id, epoch, status, own_fault, duration_ms, cost_usd,
         session_type, capabilities, quality, ratings)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      result.agent_id,
      result.ended_at,
      task_id,
      epoch,
      result.status,
      result.own_fault ? 1 : 0,
      result.duration_ms,
      result.cost_usd,
      result.session_type,
      JSON.stringify(result.capabilities),
      quality,
      ratings,
    );
  }

  #rate(agentId: string, rated: StoredResult): void {
    const { task_id, epoch, ended_at, quality, ratings } = rated;
    this.#store.rows(
      `UPDATE agent_results SET quality = ?, ratings = ?
       WHERE agent_id = ? AND ended_at = ? AND task_id = ? AND epoch = ?`,
      ...[quality, ratings, agentId, ended_at, task_id, epoch],
    );
    const others = this.of(agentId).filter((one) => newestFirst(one, rated) !== 0);
    this.#set(agentId, [...others, rated].sort(newestFirst));
  }

  /** Deletes those that are older than the last one that is kept. */
  #kept(agentId: string, results: StoredResult[]): StoredResult[] {
    const oldest = results[KEPT_RESULTS - 1]?.ended_at ?? Number.NEGATIVE_INFINITY;
    const kept = results.filter(({ ended_at }) => ended_at >= oldest);
    if (kept.length < results.length) {
      this.#store.rows(`DELETE FROM agent_results WHERE agent_id = ? AND ended_at < ?`, agentId, oldest);
    }
    return kept;
  }

  #set(agentId: string, results: readonly StoredResult[]): void {
    this.#recent.set(agentId, results);
    this.#changedBy = this.#store.currentTransaction;
  }

  #forget(): void {
    this.#recent = new BoundedMap(AGENTS_IN_MEMORY);
    this.#changedBy = null;
  }
}

/** Compares two results by when they ended, and then by their keys. */
function newestFirst(a: StoredResult, b: StoredResult): number {
  return b.ended_at - a.ended_at || compare(a.task_id, b.task_id) || a.epoch - b.epoch;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
