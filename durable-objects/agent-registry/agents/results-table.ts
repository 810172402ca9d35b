import { qualityOfWork } from '../../../src/domain/fleet/performance.ts';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import type { Capability, ResultStatus } from '../../../src/protocol/common/enums.ts';
import type { ObjectStore } from '../../kit/storage/store.ts';
import type { SlotKey } from '../slots/slots-table.ts';

/** The results by which an agent is judged. Older ones are deleted. */
const KEPT_RESULTS = 200;

/** A stored result. */
export interface StoredResult {
  status: ResultStatus;
  /** In ms since the epoch. */
  ended_at: number;
  duration_ms: number;
  cost_usd: number;
  capabilities: readonly Capability[];
  /** From 0 to 1; null if nothing says how good the work is. */
  quality: number | null;
}

/** The table of how agents' assignments have ended. Methods that write must run inside a transaction. */
export class ResultsTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * Adds a result, or rates it, and forgets the oldest beyond the limit.
   * @returns what that has changed: nothing for a repeat, and for one that is older than those that are kept
   */
  add({ task_id, epoch }: SlotKey, result: AssignmentResult): 'new' | 'rated' | null {
    const [quality, number] = [qualityOfWork(result), result.rating?.number ?? 0];
    const key = [result.agent_id, result.ended_at, task_id, epoch] as const;
    const isKey = `agent_id = ? AND ended_at = ? AND task_id = ? AND epoch = ?`;
    const known = this.#store.row<{ ratings: number }>(`SELECT ratings FROM agent_results WHERE ${isKey}`, ...key);
    if (known && known.ratings >= number) return null;
    if (known) {
      this.#store.rows(`UPDATE agent_results SET quality = ?, ratings = ? WHERE ${isKey}`, quality, number, ...key);
      return 'rated';
    }
    const oldest = this.#store.row<{ ended_at: number }>(
      `SELECT ended_at FROM agent_results WHERE agent_id = ? ORDER BY ended_at DESC LIMIT 1 OFFSET ?`,
      result.agent_id,
      KEPT_RESULTS - 1,
    );
    if (oldest && result.ended_at < oldest.ended_at) return null;
    this.#store.rows(
      `INSERT INTO agent_results (agent_id, ended_at, task_id, epoch, status, own_fault, duration_ms, cost_usd,
         session_type, capabilities, quality, ratings)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...key,
      result.status,
      result.own_fault ? 1 : 0,
      result.duration_ms,
      result.cost_usd,
      result.session_type,
      JSON.stringify(result.capabilities),
      quality,
      number,
    );
    this.#store.rows(
      `DELETE FROM agent_results WHERE agent_id = ? AND ended_at <
         (SELECT ended_at FROM agent_results WHERE agent_id = ? ORDER BY ended_at DESC LIMIT 1 OFFSET ?)`,
      result.agent_id,
      result.agent_id,
      KEPT_RESULTS - 1,
    );
    return 'new';
  }

  /** An agent's results, newest first. */
  of(agentId: string): StoredResult[] {
    const rows = this.#store.rows<Omit<StoredResult, 'capabilities'> & { capabilities: string }>(
      `SELECT status, ended_at, duration_ms, cost_usd, capabilities, quality FROM agent_results
       WHERE agent_id = ? ORDER BY ended_at DESC, task_id, epoch`,
      agentId,
    );
    return rows.map((row) => ({ ...row, capabilities: JSON.parse(row.capabilities) as Capability[] }));
  }
}
