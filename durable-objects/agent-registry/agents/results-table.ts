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
  /** From 0 to 1; null if nobody has rated it. */
  quality: number | null;
}

/** The table of how agents' assignments have ended. Methods that write must run inside a transaction. */
export class ResultsTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Adds a result, and forgets the oldest beyond the limit. @returns whether it is new */
  add({ task_id, epoch }: SlotKey, result: AssignmentResult): boolean {
    const added = this.#store.rows(
      `INSERT INTO agent_results
         (agent_id, ended_at, task_id, epoch, status, own_fault, duration_ms, cost_usd, session_type, capabilities)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1`,
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
    );
    this.#store.rows(
      `DELETE FROM agent_results WHERE agent_id = ? AND ended_at <
         (SELECT ended_at FROM agent_results WHERE agent_id = ? ORDER BY ended_at DESC LIMIT 1 OFFSET ?)`,
      result.agent_id,
      result.agent_id,
      KEPT_RESULTS - 1,
    );
    return added.length > 0;
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
