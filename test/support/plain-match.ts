import { type ConnectedAgent, isTrusted, type MatchConfig, type Waiting } from '../../src/domain/dispatch/match.ts';
import { chooseAgent, hasRoom } from '../../src/domain/dispatch/routing.ts';

export interface PlainState<Slot extends Waiting> {
  /** The queue in its order. */
  queue: readonly Slot[];
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
 * The rule of dispatch without an index: each request in turn gets the best agent that meets it and has room. It looks
 * at every request and every agent.
 * @returns the offers in the order of the queue
 */
export function plainMatch<Slot extends Waiting>(
  { queue, agents, skip, peers_ms, now }: PlainState<Slot>,
  { quiet_ms }: MatchConfig,
): { slot: Slot; agent_id: string }[] {
  const willing = agents
    .filter((agent) => now - agent.seen_at <= quiet_ms && isTrusted(agent, now) && agent.id !== skip)
    .map((agent) => (agent.open_until === null ? { ...agent } : { ...agent, capacity: 1 }));
  return queue.flatMap((slot) => {
    const able = willing.filter(
      ({ id, instance_id }) =>
        (slot.declined[id]?.until ?? 0) <= now && !slot.requirements.refusing_instances?.includes(instance_id),
    );
    const agent = chooseAgent(slot.requirements, able.filter(hasRoom), peers_ms);
    if (agent === null) return [];
    agent.slots_used++;
    return [{ slot, agent_id: agent.id }];
  });
}
