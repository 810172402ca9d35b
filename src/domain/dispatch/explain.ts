import type { QueuePlace } from '../../protocol/session/queue.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';
import { type ConnectedAgent, isTrusted, type MatchConfig, type Waiting } from './match.ts';
import { type Abilities, hasRoom, meets } from './routing.ts';

/** A connected agent, for an explanation. */
export type NamedAgent = Abilities &
  Pick<ConnectedAgent, 'id' | 'capacity' | 'slots_used' | 'seen_at' | 'instance_id' | 'open_until'> & {
    name: string;
    draining: boolean;
  };

interface Situation<Slot extends Waiting & { session_id: string }> {
  /** The queue in its order. Iteration stops when all `sessions` are found. */
  queue: Iterable<Slot>;
  /** The sessions to explain. */
  sessions: ReadonlySet<string>;
  /** The connected agents, including those without room. */
  agents: readonly NamedAgent[];
  /** ms since the epoch */
  now: number;
}

/** Requests that the same agents can take. They compete for these agents. */
interface Group {
  fitting: readonly NamedAgent[];
  count: number;
}

/**
 * Explains the place of sessions in the queue, by the first request of each session, and why they wait. A request is
 * ahead if it is earlier in the queue and competes: some agent can take both, or no agent can take either.
 * @returns places by session id; sessions that are not in the queue are absent
 */
export function explainQueue<Slot extends Waiting & { session_id: string }>(
  { queue, sessions, agents, now }: Situation<Slot>,
  config: Pick<MatchConfig, 'quiet_ms'>,
): Map<string, QueuePlace> {
  const places = new Map<string, QueuePlace>();
  const groups = new Map<string, Group>();
  const byRequirements = new Map<Requirements, Group>();
  const groupOf = (required: Requirements) => {
    const known = byRequirements.get(required);
    if (known) return known;
    const fitting = agents.filter((agent) => meets(agent, required));
    const key = fitting.map(({ id }) => id).join();
    const group = groups.get(key) ?? { fitting, count: 0 };
    groups.set(key, group);
    byRequirements.set(required, group);
    return group;
  };
  for (const slot of queue) {
    if (places.size === sessions.size) break;
    const group = groupOf(slot.requirements);
    if (sessions.has(slot.session_id) && !places.has(slot.session_id)) {
      const competing = [...groups.values()].filter((other) => compete(group, other));
      const ahead = competing.reduce((sum, { count }) => sum + count, 0);
      const reason = reasonOf(slot, { fitting: group.fitting, agents, now }, config);
      const message = ahead === 0 ? reason.message : `${reason.message} ${plural(ahead, 'request')} ahead.`;
      places.set(slot.session_id, { ...reason, message, ahead });
    }
    group.count++;
  }
  return places;
}

/** The place of a session whose slot was offered to an agent. */
export function offeredTo(agentName: string): QueuePlace {
  return { reason: 'offered', message: `The session was offered to ${agentName}.`, ahead: 0, missing: [] };
}

function compete({ fitting: some }: Group, { fitting: others }: Group): boolean {
  if (some.length === 0 || others.length === 0) return some.length === others.length;
  const ids = new Set(some.map(({ id }) => id));
  return others.some(({ id }) => ids.has(id));
}

type Reason = Omit<QueuePlace, 'ahead'>;

function reasonOf(
  { requirements, declined }: Waiting,
  { fitting, agents, now }: { fitting: readonly NamedAgent[]; agents: readonly NamedAgent[]; now: number },
  { quiet_ms }: Pick<MatchConfig, 'quiet_ms'>,
): Reason {
  const because = (reason: Reason['reason'], message: string, missing: string[] = []) => ({ reason, message, missing });
  const refusing = new Set(requirements.refusing_instances);
  const willing = fitting.filter(({ instance_id }) => !refusing.has(instance_id));
  const open = willing.filter(({ draining, ...agent }) => !draining && isTrusted(agent, now));
  const free = open.filter(hasRoom);
  const awake = free.filter(({ seen_at }) => now - seen_at <= quiet_ms);
  const asked = awake.filter(({ id }) => (declined[id]?.until ?? 0) <= now);
  if (agents.length === 0) return because('no_agent', 'No agent is connected.');
  if (fitting.length === 0) {
    const { message, missing } = whatIsMissing(requirements, agents);
    return because('nothing_fits', message, missing);
  }
  if (willing.length === 0)
    return because('all_refused', `All agents that can take the session have refused it: ${named(fitting)}.`);
  if (open.length === 0) {
    return because('none_open', `The agents that can take the session get no work now: ${named(willing)}.`);
  }
  if (free.length === 0) {
    const busy = open.length === 1 ? 'The agent that can take it is' : `All ${open.length} agents that can take it are`;
    return because('all_busy', `${busy} busy.`);
  }
  if (awake.length === 0)
    return because('all_quiet', `The agents that can take the session have been silent recently: ${named(free)}.`);
  if (asked.length === 0)
    return because(
      'all_declined',
      `These agents have just declined, and will get the offer again soon: ${named(awake)}.`,
    );
  return because('offered', `The session will be offered next to ${named(asked)}.`);
}

/** The requirements that no agent meets. If each is met by some agent, all of them, because no agent meets all. */
function whatIsMissing(required: Requirements, agents: readonly Abilities[]): { message: string; missing: string[] } {
  const nothing: Requirements = {
    required_capabilities: [],
    required_labels: [],
    repository: null,
    repository_key: null,
    avoid_agents: [],
  };
  const { min_performance_tier, repository, repository_key } = required;
  // Each part with what an agent must meet to have it: one of these.
  const parts: [string, ...Requirements[]][] = [
    ...required.required_labels.map((label): [string, Requirements] => [
      `label ${label}`,
      { ...nothing, required_labels: [label] },
    ]),
    ...required.required_capabilities.map((capability): [string, Requirements] => [
      `capability ${capability}`,
      { ...nothing, required_capabilities: [capability] },
    ]),
  ];
  if (min_performance_tier)
    parts.push([`tier ${min_performance_tier} or better`, { ...nothing, min_performance_tier }]);
  if (repository_key !== null) parts.push([`repository ${repository_key}`, { ...nothing, repository_key }]);
  if (repository !== null) {
    const alone = { ...nothing, repository };
    parts.push([`repository with first commit ${repository}`, alone, { ...alone, repository_key }]);
  }
  const lacking = parts.filter(([, ...ways]) => !agents.some((agent) => ways.some((way) => meets(agent, way))));
  const missing = (lacking.length > 0 ? lacking : parts).map(([name]) => name);
  const together = lacking.length > 0 ? missing.join(' or ') : `all of: ${missing.join(', ')}`;
  return { message: `No connected agent has ${together}.`, missing };
}

/** The most names in a message. */
const NAMES_MAX = 3;

function named(agents: readonly NamedAgent[]): string {
  const names = agents.slice(0, NAMES_MAX).map(({ name }) => name);
  const more = agents.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} is` : `${count} ${noun}s are`;
}
