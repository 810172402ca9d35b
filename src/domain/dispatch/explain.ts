import type { QueuePlace } from '../../protocol/session/queue.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';
import type { FleetAgent } from './agent-index.ts';
import type { Dispatcher } from './dispatcher.ts';
import { isTrusted } from './match.ts';
import { type Group, inOrder, type QueuedRequest } from './queue-index.ts';
import { type Abilities, hasRoom, meets } from './routing.ts';

/**
 * Explains the place of sessions in the queue, by the first request of each session, and why they wait. A request is
 * ahead if it is earlier in the queue and competes: some agent can take both, or no agent can take either.
 * @param requests the queued requests of the sessions
 * @param now ms since the epoch
 * @returns places by session id
 */
export function explainQueue(
  dispatcher: Dispatcher,
  requests: readonly QueuedRequest[],
  now: number,
): Map<string, QueuePlace> {
  dispatcher.follow(now);
  const places = new Map<string, QueuePlace>();
  const groups = new Map<Group, Why & { competing: Group[] }>();
  for (const request of requests.toSorted(inOrder)) {
    const { group } = dispatcher.queue.find(request) ?? {};
    if (!group || places.has(request.session_id)) continue;
    const known = groups.get(group) ?? {
      ...reasonOf(dispatcher, group, now),
      competing: [...dispatcher.queue.groups].filter((other) => compete(group, other)),
    };
    groups.set(group, known);
    const ahead = known.competing.reduce((sum, other) => sum + other.requests.rank(request), 0);
    const { reason, finished_per_ms } = known;
    const message = ahead === 0 ? reason.message : `${reason.message} ${plural(ahead, 'request')} ahead.`;
    const estimated_wait_seconds = finished_per_ms && Math.ceil((ahead + 1) / finished_per_ms / 1_000);
    places.set(request.session_id, { ...reason, message, ahead, place: ahead + 1, estimated_wait_seconds });
  }
  return places;
}

/** The place of a session whose slot was offered to an agent. */
export function offeredTo(agentName: string): QueuePlace {
  const message = `The session was offered to ${agentName}.`;
  return { reason: 'offered', message, ahead: 0, place: null, estimated_wait_seconds: 0, missing: [] };
}

function compete({ kinds }: Group, { kinds: others }: Group): boolean {
  if (kinds.size === 0 || others.size === 0) return kinds.size === others.size;
  return [...others].some((kind) => kinds.has(kind));
}

type Reason = Pick<QueuePlace, 'reason' | 'message' | 'missing'>;

/** Why the requests of a group wait. */
interface Why {
  reason: Reason;
  /** The tasks that the agents finish in a ms while all are at work; null if it is not known, or if they get no work. */
  finished_per_ms: number | null;
}

function reasonOf({ agents }: Dispatcher, { requirements, refusing, paused, kinds }: Group, now: number): Why {
  const because = (reason: Reason['reason'], message: string, missing: string[] = []): Why => ({
    reason: { reason, message, missing },
    finished_per_ms: null,
  });
  const fitting = [...kinds].flatMap(({ members }) => [...members]);
  const willing = fitting.filter(({ connection }) => !refusing.has(connection!.instance_id));
  const open = willing.filter((agent) => !agent.draining && isTrusted(agent, now));
  const free = open.filter(hasRoom);
  const awake = free.filter((agent) => agents.isAwake(agent, now));
  const asked = awake.filter(({ id }) => !paused.has(id));
  const all = [...agents.kinds].map(({ traits }) => traits);
  if (all.length === 0) return because('no_agent', 'No agent is connected.');
  if (fitting.length === 0) {
    const { message, missing } = whatIsMissing(requirements, all);
    return because('nothing_fits', message, missing);
  }
  if (willing.length === 0)
    return because('all_refused', `All agents that can take the session have refused it: ${named(fitting)}.`);
  if (open.length === 0) {
    return because('none_open', `The agents that can take the session get no work now: ${named(willing)}.`);
  }
  if (free.length === 0) {
    const busy = open.length === 1 ? 'The agent that can take it is' : `All ${open.length} agents that can take it are`;
    return { ...because('all_busy', `${busy} busy.`), finished_per_ms: rateOf(open, agents.peersMs) };
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

/**
 * The rate at which agents finish tasks while all their slots are in use: each slot finishes one in the agent's median
 * duration, or in that of all agents if its own is not known. The n-th task from now ends after about n by this rate.
 */
function rateOf(agents: readonly FleetAgent[], peersMs: number | null): number | null {
  if (peersMs === null) return null;
  return agents.reduce((sum, { capacity, duration_ms }) => sum + capacity / Math.max(1, duration_ms ?? peersMs), 0);
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

function named(agents: readonly FleetAgent[]): string {
  const names = agents.map(({ name }) => name).sort();
  const more = names.length - NAMES_MAX;
  return names.slice(0, NAMES_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} is` : `${count} ${noun}s are`;
}
