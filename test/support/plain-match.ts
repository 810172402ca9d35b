import { type ConnectedAgent, isTrusted, type MatchConfig } from '../../src/domain/dispatch/match.ts';
import type { QueuedRequest } from '../../src/domain/dispatch/queue-index.ts';
import { turnInLine, turnInQueue } from '../../src/domain/dispatch/queue-order.ts';
import { chooseAgent, hasRoom } from '../../src/domain/dispatch/routing.ts';

export interface PlainState {
  /** In any order. */
  queue: readonly QueuedRequest[];
  /** The connected agents that do not drain, including those without room. */
  agents: readonly ConnectedAgent[];
  /** The id of an agent that gets no offer, because it has just declined one. */
  skip: string | null;
  /** The median duration of all agents. */
  peers_ms: number | null;
  /** ms since the epoch */
  now: number;
}

/**
 * The rule of dispatch without an index: of the first requests of all lines, the one with the earliest turn gets the
 * best agent that meets it and has room; if there is none, its line waits. It looks at every request and every agent.
 * @returns the offers in their order
 */
export function plainMatch(
  { queue, agents, skip, peers_ms, now }: PlainState,
  { quiet_ms }: MatchConfig,
): { slot: QueuedRequest; agent_id: string }[] {
  const willing = agents
    .filter((agent) => now - agent.seen_at <= quiet_ms && isTrusted(agent, now) && agent.id !== skip)
    .map((agent) => (agent.open_until === null ? { ...agent } : { ...agent, capacity: 1 }));
  const offers: { slot: QueuedRequest; agent_id: string }[] = [];
  let waiting = queue.map((request) => ({ ...request, line: lineOf(request, now) }));
  while (waiting.length > 0) {
    const lines = [...Map.groupBy(waiting, ({ line }) => line).values()];
    const first = lines.map((line) => line.toSorted(by(turnInLine))[0]!).sort(by(turnInQueue))[0]!;
    const able = willing.filter(
      ({ id, instance_id }) =>
        (first.declined[id]?.until ?? 0) <= now && !first.requirements.refusing_instances?.includes(instance_id),
    );
    const agent = chooseAgent(first.requirements, able.filter(hasRoom), peers_ms);
    if (agent === null) {
      waiting = waiting.filter(({ line }) => line !== first.line);
      continue;
    }
    agent.slots_used++;
    const { line, ...slot } = first;
    offers.push({ slot, agent_id: agent.id });
    waiting = waiting.filter((other) => other !== first);
    const next = waiting.filter((other) => other.line === line).sort(by(turnInLine))[0];
    if (next) next.joined_at = now;
  }
  return offers;
}

function by(turn: (request: QueuedRequest) => number) {
  return (one: QueuedRequest, other: QueuedRequest) => turn(one) - turn(other) || one.arrival - other.arrival;
}

/** What the requests of a line have in common. */
function lineOf({ session_id, requirements, declined }: QueuedRequest, now: number): string {
  const { avoid_agents: _, worktree_at: __, preferred_agent_ids: ___, ...hard } = requirements;
  const paused = Object.keys(declined).filter((id) => declined[id]!.until > now);
  const labels = Object.keys(hard.preferred_labels ?? {}).sort();
  return JSON.stringify([session_id, paused.sort(), { ...hard, preferred_labels: labels }]);
}
