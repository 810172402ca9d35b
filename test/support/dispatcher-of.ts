import type { FleetAgent } from '../../src/domain/dispatch/agent-index.ts';
import { Dispatcher } from '../../src/domain/dispatch/dispatcher.ts';
import type { MatchConfig, Waiting } from '../../src/domain/dispatch/match.ts';
import type { QueuedRequest } from '../../src/domain/dispatch/queue-index.ts';

export const DISPATCH_CONFIG: MatchConfig = { quiet_ms: 60_000, quiet_retry_ms: 30_000, skipped_retry_ms: 5_000 };

/** An agent that can do nothing in particular. Its process is `<id>-1`. */
export function fleetAgent(id: string, changes: Partial<FleetAgent> = {}): FleetAgent {
  return {
    id,
    name: id,
    agent_type: 'implementer',
    capacity: 1,
    slots_used: 0,
    capabilities: [],
    labels: [],
    preferred_technologies: [],
    tier: 'competent',
    duration_ms: null,
    repository: null,
    remotes: [],
    idle_since: 0,
    draining: false,
    limited: false,
    open_until: null,
    connection: { instance_id: `${id}-1`, seen_at: 0 },
    ...changes,
  };
}

/** A dispatcher with these agents and a queue in this order. Nobody has been heard since the agents say. */
export function dispatcherOf(
  agents: readonly FleetAgent[],
  queue: readonly (Waiting & { name: string })[],
  now: number,
): { dispatcher: Dispatcher; requests: QueuedRequest[] } {
  const dispatcher = new Dispatcher(DISPATCH_CONFIG, () => null);
  const requests = queue.map(({ name, requirements, declined }, index) => ({
    ...{
      task_id: `${index}`,
      epoch: 1,
      session_id: name,
      proof_key: '',
      queued_at: index,
      joined_at: 0,
      lag: 0,
      arrival: index,
    },
    requirements,
    declined,
  }));
  for (const request of requests) dispatcher.queue.put(request, now);
  for (const agent of agents) {
    const { connection } = agent;
    dispatcher.agents.put({ ...agent, connection: connection && { ...connection } }, now);
  }
  return { dispatcher, requests };
}
