import { afterResult, CLOSED, circuitOf } from '../../../src/domain/fleet/breaker.ts';
import { judgePerformance, qualityOf, successOf } from '../../../src/domain/fleet/performance.ts';
import { median, percentile } from '../../../src/domain/percentile.ts';
import type { AssignmentResult } from '../../../src/ports/agent-registry.ts';
import type { AgentPerformance } from '../../../src/protocol/agent/agent.ts';
import { type Outcome, ok } from '../../../src/protocol/common/errors.ts';
import { instant } from '../../kit/text.ts';
import { NO_SUCH_AGENT } from '../config.ts';
import type { RegistryParts } from '../parts.ts';
import type { SlotKey } from '../slots/slots-table.ts';
import type { StoredResult } from './results-table.ts';

type Needs = Pick<RegistryParts, 'kit' | 'agents' | 'results' | 'times'>;

/** Judges agents by how their assignments have ended. Methods that write must run inside a transaction. */
export class Performance {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Records a result or its rating, once, and judges its agent again.
   * @returns whether its circuit or its tier has changed
   */
  record(key: SlotKey, result: AssignmentResult): boolean {
    const { kit, agents, results, times } = this.#parts;
    const agent = agents.find(result.agent_id);
    const added = agent && results.add(key, result);
    if (!added) return false;
    if (added === 'new') times.learn(result, agent.agent_type);
    const recent = results.of(agent.id);
    const { tier } = judgePerformance(successOf(recent), qualityOf(recent));
    const kind = result.status === 'failed' ? (result.own_fault ? 'own_fault' : 'other_failure') : 'success';
    const before = agent.breaker ?? CLOSED;
    // A rating comes long after the end, which says nothing of the agent's present state any more.
    const { ended_at, duration_ms } = result;
    const ended = { kind, started_at: ended_at - duration_ms, ended_at } as const;
    const breaker = result.rating ? before : afterResult(before, ended, kit.store.platform.now());
    const isClosed = breaker.failures === 0;
    agents.setJudgement(agent, {
      tier,
      duration_ms: median(recent.map(({ duration_ms }) => duration_ms)),
      breaker: isClosed ? null : breaker,
    });
    const { open_until } = breaker;
    if (open_until === (agent.breaker?.open_until ?? null)) return tier !== agent.tier;
    if (open_until !== null) {
      kit.store.afterCommit(() =>
        kit.store.platform.logger('warn', 'agent_circuit_opened', { agent_id: agent.id, until: instant(open_until) }),
      );
    }
    return true;
  }

  view(agentId: string): Outcome<AgentPerformance> {
    const { kit, agents, results } = this.#parts;
    const agent = agents.find(agentId);
    if (!agent) return NO_SUCH_AGENT;
    const recent = results.of(agentId);
    const capabilities = [...new Set(recent.flatMap((each) => each.capabilities))].sort();
    return ok({
      agent_id: agentId,
      circuit: circuitOf(agent.breaker ?? CLOSED, kit.store.platform.now()),
      ...summaryOf(recent),
      by_capability: capabilities.map((capability) => ({
        capability,
        ...summaryOf(recent.filter((each) => each.capabilities.includes(capability))),
      })),
      by_day: byDay(recent),
    });
  }
}

/** @param recent the newest first */
function summaryOf(recent: readonly StoredResult[]) {
  const durations = recent.map(({ duration_ms }) => duration_ms);
  const { results, ...success } = successOf(recent);
  const quality = qualityOf(recent);
  const { tier, reason } = judgePerformance({ ...success, results }, quality);
  const counts = { completed: 0, partial: 0, failed: 0 };
  for (const { status } of recent) counts[status]++;
  return {
    performance_tier: tier,
    reason,
    counts,
    success,
    quality,
    duration: { p50_ms: percentile(durations, 0.5), p95_ms: percentile(durations, 0.95) },
    cost_usd: recent.reduce((sum, { cost_usd }) => sum + cost_usd, 0),
  };
}

/** The days (UTC), the newest first. */
function byDay(recent: readonly StoredResult[]): AgentPerformance['by_day'] {
  const days = Map.groupBy(recent, ({ ended_at }) => instant(ended_at).slice(0, 10));
  return [...days].map(([day, results]) => ({ day, ...summaryOf(results) }));
}
