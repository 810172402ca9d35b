import type { Requirements } from '../../protocol/session/requirements.ts';
import { unavailableBecause } from './availability.ts';
import { loadLevel, utilisation } from './load.ts';
import type { RoutedAgent } from './route.ts';
import { chooseAgent, hasRoom } from './routing.ts';
import type { Declined } from './slot.ts';

/** A registered agent, with its process; null while it takes no work. */
export type BalancedAgent = RoutedAgent & { instance_id: string | null };

/** A slot that an agent was offered or has accepted. */
export interface HeldSlot {
  session_id: string;
  agent_id: string;
  state: 'offered' | 'accepted';
  requirements: Requirements;
  declined: Declined;
  /** A move that was asked for before. */
  moved: Moved | null;
}

/** A move of a slot: when (ms since the epoch), and between which agents. */
export interface Moved {
  at: number;
  from: string;
  to: string;
}

export interface Move<Slot extends HeldSlot> {
  slot: Slot;
  to: BalancedAgent;
  /** In words. */
  reason: string;
}

/** A slot that stays at an agent that has too much to do or is silent, and why, in words. */
export interface Stay<Slot extends HeldSlot> {
  slot: Slot;
  reason: string;
}

interface Situation<Slot extends HeldSlot> {
  agents: readonly BalancedAgent[];
  /** The slots of those agents that `isSource` names. Those that come first move first. */
  held: readonly Slot[];
  /** The sessions of which something was moved in the last `MOVED_AGAIN_MS`. */
  moved: ReadonlySet<string>;
  /** ms since the epoch */
  now: number;
  /** An agent that was not heard for longer gets nothing, and loses its offers. */
  quiet_ms: number;
  /** The median duration of the agents' recent results; null without one. */
  peers_ms: number | null;
}

/** A session that was moved stays where it is for this long. */
export const MOVED_AGAIN_MS = 600_000;

/** Whether work is moved away from an agent: it has too much to do, or is not heard. */
export function isSource(agent: BalancedAgent, now: number, quiet_ms: number): boolean {
  return isHot(agent) || isSilent(agent, now, quiet_ms);
}

/**
 * Decides what moves from agents with a critical or higher load to idle ones, and which offers leave silent agents. Each
 * move leaves its target less loaded than its source was, so the sorted list of all loads falls, and repeated calls come
 * to rest. What is on its way already counts as moved.
 * @param maxMoves the most moves that may be planned
 */
export function planMoves<Slot extends HeldSlot>(
  { agents, held, moved, now, quiet_ms, peers_ms }: Situation<Slot>,
  maxMoves: number,
): { moves: Move<Slot>[]; stays: Stay<Slot>[] } {
  const copies = new Map(agents.map((agent) => [agent.id, { ...agent }]));
  const shift = (from: string, to: string) => {
    const [source, target] = [copies.get(from), copies.get(to)];
    if (source) source.slots_used--;
    if (target) target.slots_used++;
  };
  for (const slot of held) if (isOnItsWay(slot, now)) shift(slot.agent_id, slot.moved!.to);
  const settled = new Set(moved);
  const moves: Move<Slot>[] = [];
  const stays: Stay<Slot>[] = [];
  const open = [...copies.values()].filter(
    (agent) =>
      agent.instance_id !== null &&
      agent.circuit === 'closed' &&
      unavailableBecause({ ...agent, slots_used: 0 }, now, quiet_ms) === null,
  );
  for (const slot of held) {
    const source = copies.get(slot.agent_id);
    if (!source || isOnItsWay(slot, now)) continue;
    const leavesSilent = slot.state === 'offered' && isSilent(source, now, quiet_ms);
    if (!leavesSilent && !isHot(source)) continue;
    const stay = (reason: string) => void stays.push({ slot, reason });
    if (slot.state === 'accepted' && !slot.requirements.allow_rebalance) {
      stay('Its session does not allow it (allow_rebalance).');
    } else if (settled.has(slot.session_id)) stay('Its session was moved less than ten minutes ago.');
    else if (moves.length >= maxMoves) stay('There are more moves than max_moves.');
    else {
      const takers = open.filter((agent) => mayTake(agent, slot, source, { now, leavesSilent }));
      const to = chooseAgent(slot.requirements, takers, peers_ms);
      if (to === null) stay(leavesSilent ? 'No other agent can take it.' : 'No idle agent can take it.');
      else {
        moves.push({ slot, to, reason: reasonOf(source, leavesSilent) });
        settled.add(slot.session_id);
        shift(source.id, to.id);
      }
    }
  }
  return { moves, stays };
}

/** Whether the agent that has the slot was asked to let it go. */
function isOnItsWay({ state, agent_id, moved }: HeldSlot, now: number): boolean {
  return state === 'accepted' && moved?.from === agent_id && now - moved.at < MOVED_AGAIN_MS;
}

function mayTake(
  agent: BalancedAgent,
  { requirements, declined }: HeldSlot,
  source: BalancedAgent,
  { now, leavesSilent }: { now: number; leavesSilent: boolean },
): boolean {
  if (agent.id === source.id || !hasRoom(agent) || requirements.avoid_agents.includes(agent.id)) return false;
  if (agent.instance_id !== null && requirements.refusing_instances?.includes(agent.instance_id)) return false;
  if ((declined[agent.id]?.until ?? 0) > now) return false;
  const after = utilisation({ ...agent, slots_used: agent.slots_used + 1 });
  return leavesSilent || (loadLevel(agent) === 'idle' && after < utilisation(source));
}

function isHot(agent: BalancedAgent): boolean {
  const level = loadLevel(agent);
  return level === 'critical' || level === 'overloaded';
}

function isSilent({ heard_at }: BalancedAgent, now: number, quiet_ms: number): boolean {
  return heard_at === null || now - heard_at > quiet_ms;
}

function reasonOf(source: BalancedAgent, leavesSilent: boolean): string {
  if (leavesSilent) return `${source.name} has the offer and is silent.`;
  const use = `${source.slots_used} of ${source.capacity} slots are in use`;
  return `The load of ${source.name} is ${loadLevel(source)}: ${use}.`;
}
