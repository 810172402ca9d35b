import { aged, type MeasuredTimes, ofType, together, withResult } from '../../../src/domain/measured-times.ts';
import { type AssignmentResult, EVERYTHING, type TimesByCapability } from '../../../src/ports/agent-registry.ts';
import type { AgentType } from '../../../src/protocol/common/enums.ts';
import type { ObjectStore } from '../../kit/storage/store.ts';

type Row = MeasuredTimes & { capability: string; agent_type: AgentType };

/**
 * What the workspace's finished work has shown of its estimates, by capability and type of agents: one row for each
 * pair, so that there are few. Methods that write must run inside a transaction.
 */
export class TimesTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Learns from a completed assignment whose task had an estimate; from no other. */
  learn({ status, estimated_ms, duration_ms, capabilities }: AssignmentResult, agent_type: AgentType): void {
    if (status !== 'completed' || estimated_ms === undefined || estimated_ms <= 0 || duration_ms <= 0) return;
    const time = { estimated: estimated_ms, actual: duration_ms };
    for (const capability of capabilities.length === 0 ? [EVERYTHING] : capabilities) {
      const sql = `SELECT logarithms, results FROM measured_times WHERE capability = ? AND agent_type = ?`;
      const before = this.#store.row<MeasuredTimes>(sql, capability, agent_type);
      const { logarithms, results } = withResult(aged(before ?? { logarithms: 0, results: 0 }), time);
      this.#store.rows(
        `INSERT INTO measured_times (capability, agent_type, logarithms, results) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET logarithms = excluded.logarithms, results = excluded.results`,
        capability,
        agent_type,
        logarithms,
        results,
      );
    }
  }

  /** What is known of a type of agents, or of all of them (null). */
  of(agentType: AgentType | null): TimesByCapability {
    const rows = this.#store.rows<Row>(`SELECT capability, agent_type, logarithms, results FROM measured_times`);
    const byCapability = Map.groupBy(rows, ({ capability }) => capability);
    return Object.fromEntries(
      [...byCapability].map(([capability, all]) => {
        if (agentType === null) return [capability, together(all)];
        const [own, others] = [true, false].map((isOwn) =>
          together(all.filter(({ agent_type }) => (agent_type === agentType) === isOwn)),
        );
        return [capability, ofType(own!, others!)];
      }),
    );
  }
}
