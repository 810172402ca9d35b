import { SortedList } from '../sorted-list.ts';
import { utilisation } from './load.ts';
import type { ConnectedAgent, MatchConfig } from './match.ts';
import type { Group } from './queue-index.ts';
import { chooseAgent, hasRoom, meets } from './routing.ts';
import { hasTrait, namesIn, type TraitName, type Traits, traitsOf } from './traits.ts';

/** A registered agent as the dispatcher knows it. The index owns the object. */
export interface FleetAgent extends Omit<ConnectedAgent, 'seen_at' | 'instance_id'> {
  name: string;
  draining: boolean;
  /** Whether its capacity is limited by how many offers it wants at once. */
  limited: boolean;
  /** Its process, and when it was last heard (ms since the epoch); null if it is not connected. */
  connection: { instance_id: string; seen_at: number } | null;
}

/** When an agent was last heard on its open socket (ms since the epoch); null if it is not connected. */
export type HeardAt = (agentId: string) => number | null;

/** Connected agents between which no group of requests makes a difference. */
export interface Kind {
  key: string;
  /** What requests name of them. */
  traits: Traits;
  members: Set<FleetAgent>;
  /**
   * Those that can get an offer, by their load and by whether their speed is known. A list has the best first: the
   * fastest, then the longest idle. Nothing else makes a difference within it.
   */
  available: Map<number, SortedList<FleetAgent>>;
  /** The groups of requests that they can take. */
  groups: Set<Group>;
}

/** Where an agent is in the index. */
interface Entry {
  agent: FleetAgent;
  kind: Kind | null;
  /** The load under which it is available; null if it is not. */
  load: number | null;
}

/** What a choice depends on besides the agents' rows. */
export interface Choice {
  group: Group;
  requirements: Group['requirements'];
  skip: string | null;
  now: number;
}

/**
 * The agents by what requests can require of them, so that the best agent for a request is among few: the first of each
 * list. How many agents there are does not matter, only how many kinds.
 */
export class AgentIndex {
  readonly #config: Pick<MatchConfig, 'quiet_ms' | 'quiet_retry_ms'>;
  readonly #heardAt: HeardAt;
  readonly #groups: () => Iterable<Group>;
  readonly #entries = new Map<string, Entry>();
  readonly #kinds = new Map<string, Kind>();
  /** The names that the groups' requirements have, and in how many groups. */
  readonly #names = new Map<TraitName, number>();
  readonly #durations = new SortedList<number>((one, other) => one - other);
  /** The agents with room whose circuit is open, by when it half-opens. */
  readonly #resting = new SortedList<FleetAgent>(
    (one, other) => one.open_until! - other.open_until! || compareIds(one, other),
  );
  /** The agents with room that were found silent, and when they are looked at again. Their pings tell nobody. */
  readonly #silent = new Set<string>();
  #silentUntil = 0;
  /** The kinds that have got an available agent since the last match. */
  readonly #fresh = new Set<Kind>();
  #available = 0;

  constructor(
    config: Pick<MatchConfig, 'quiet_ms' | 'quiet_retry_ms'>,
    heardAt: HeardAt,
    groups: () => Iterable<Group>,
  ) {
    this.#config = config;
    this.#heardAt = heardAt;
    this.#groups = groups;
  }

  /** How many agents can get an offer. */
  get available(): number {
    return this.#available;
  }

  /** The median of the agents' durations in ms, the lower one of two; null without one. */
  get peersMs(): number | null {
    return this.#durations.at(Math.ceil(this.#durations.size / 2) - 1) ?? null;
  }

  get kinds(): Iterable<Kind> {
    return this.#kinds.values();
  }

  get(id: string): FleetAgent | undefined {
    return this.#entries.get(id)?.agent;
  }

  isAvailable(id: string): boolean {
    return this.#entries.get(id)?.load != null;
  }

  /** Inserts or replaces an agent. */
  put(agent: FleetAgent, now: number): void {
    this.remove(agent.id);
    const entry: Entry = { agent, kind: null, load: null };
    this.#entries.set(agent.id, entry);
    if (agent.duration_ms !== null) this.#durations.add(agent.duration_ms);
    if (agent.connection === null) return;
    entry.kind = this.#kindOf(agent);
    entry.kind.members.add(agent);
    this.#place(entry, now);
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const { agent, kind } = entry;
    this.#entries.delete(id);
    this.#withdraw(entry);
    if (agent.duration_ms !== null) this.#durations.delete(agent.duration_ms);
    kind?.members.delete(agent);
    if (kind?.members.size === 0) this.#forgetKind(kind);
  }

  /** Counts an offer to an agent. */
  take(agent: FleetAgent, now: number): void {
    const entry = this.#entries.get(agent.id)!;
    this.#withdraw(entry);
    agent.slots_used++;
    this.#place(entry, now, false);
  }

  /** Tells the agents apart by what the requirements of a new group name, and finds the kinds that meet them. */
  addGroup(group: Group, now: number): void {
    for (const name of namesIn(group.requirements)) {
      const uses = this.#names.get(name) ?? 0;
      this.#names.set(name, uses + 1);
      if (uses === 0) this.#tellApart(name, now);
    }
    for (const kind of this.#kinds.values()) link(kind, group);
  }

  /** The kinds stay as fine as they are. */
  removeGroup(group: Group): void {
    for (const name of namesIn(group.requirements)) {
      const uses = this.#names.get(name)!;
      if (uses === 1) this.#names.delete(name);
      else this.#names.set(name, uses - 1);
    }
    for (const kind of group.kinds) kind.groups.delete(group);
  }

  /** Looks again at agents that may get work by now: those whose circuit half-opens, and those that were silent. */
  awaken(now: number): void {
    for (let next = this.#resting.first; next && next.open_until! <= now; next = this.#resting.first) {
      this.#resting.delete(next);
      this.#place(this.#entries.get(next.id)!, now);
    }
    if (this.#silent.size === 0 || now < this.#silentUntil) return;
    this.#silentUntil = now + this.#config.quiet_retry_ms;
    for (const id of this.#silent) {
      const entry = this.#entries.get(id)!;
      if (!this.isAwake(entry.agent, now)) continue;
      this.#silent.delete(id);
      this.#place(entry, now);
    }
  }

  /** When `awaken` may find something (ms since the epoch); null if it will not. */
  get awakensAt(): number | null {
    const times = this.#silent.size > 0 ? [this.#silentUntil] : [];
    if (this.#resting.first) times.push(this.#resting.first.open_until!);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The groups that may have got an agent since the last call. */
  takeFresh(): Group[] {
    const groups = new Set([...this.#fresh].flatMap((kind) => [...kind.groups]));
    this.#fresh.clear();
    return [...groups];
  }

  /** The groups of requests that an agent can take now if it has room. */
  groupsOf(id: string): Group[] {
    const { agent, kind } = this.#entries.get(id) ?? {};
    if (!agent?.connection || !kind) return [];
    const { instance_id } = agent.connection;
    return [...kind.groups].filter(({ paused, refusing }) => !paused.has(id) && !refusing.has(instance_id));
  }

  /** Includes an agent's kind in the next `takeFresh`. */
  refresh(id: string): void {
    const kind = this.#entries.get(id)?.kind;
    if (kind) this.#fresh.add(kind);
  }

  /** The best available agent for a request; null if there is none. The rule is that of `chooseAgent`. */
  best({ group, requirements, skip, now }: Choice): FleetAgent | null {
    const isExcluded = ({ id, connection }: FleetAgent) =>
      id === skip || group.paused.has(id) || group.refusing.has(connection!.instance_id);
    const silent: FleetAgent[] = [];
    const isPossible = (agent: FleetAgent) => {
      if (isExcluded(agent)) return false;
      const isAwake = this.isAwake(agent, now);
      if (!isAwake) silent.push(agent);
      return isAwake;
    };
    const candidates: FleetAgent[] = [];
    for (const kind of group.kinds) {
      for (const list of kind.available.values()) {
        for (const agent of list) {
          if (!isPossible(agent)) continue;
          candidates.push(agent);
          // An avoided agent is only the last resort.
          if (!requirements.avoid_agents.includes(agent.id)) break;
        }
      }
    }
    // They are preferred wherever they stand in their lists.
    for (const id of [requirements.worktree_at ?? '', ...(requirements.preferred_agent_ids ?? [])]) {
      const entry = this.#entries.get(id);
      if (entry?.load != null && group.kinds.has(entry.kind!) && isPossible(entry.agent)) candidates.push(entry.agent);
    }
    for (const agent of silent) this.#silence(agent, now);
    return chooseAgent(requirements, candidates, this.peersMs);
  }

  /** Whether a connected agent was heard of late. Asks its socket only if it may not have been. */
  isAwake({ id, connection }: FleetAgent, now: number): boolean {
    const { quiet_ms } = this.#config;
    if (now - connection!.seen_at > quiet_ms) {
      connection!.seen_at = Math.max(connection!.seen_at, this.#heardAt(id) ?? 0);
    }
    return now - connection!.seen_at <= quiet_ms;
  }

  #silence(agent: FleetAgent, now: number): void {
    this.#withdraw(this.#entries.get(agent.id)!);
    if (this.#silent.size === 0) this.#silentUntil = now + this.#config.quiet_retry_ms;
    this.#silent.add(agent.id);
  }

  /** Makes an agent available if it can get work. */
  #place(entry: Entry, now: number, isNews = true): void {
    const { agent, kind } = entry;
    if (agent.draining || !hasRoom(agent)) return;
    // An agent that has failed before gets one task as a probe.
    if (agent.open_until !== null && agent.slots_used > 0) return;
    if (agent.open_until !== null && agent.open_until > now) return this.#resting.add(agent);
    const load = agent.duration_ms === null ? -1 - utilisation(agent) : utilisation(agent);
    const list = kind!.available.get(load) ?? new SortedList<FleetAgent>(compareAlike);
    kind!.available.set(load, list);
    list.add(agent);
    entry.load = load;
    this.#available++;
    if (isNews) this.#fresh.add(kind!);
  }

  /** Makes an agent unavailable. */
  #withdraw(entry: Entry): void {
    const { agent, kind, load } = entry;
    this.#silent.delete(agent.id);
    if (agent.open_until !== null) this.#resting.delete(agent);
    if (load === null) return;
    const list = kind!.available.get(load)!;
    list.delete(agent);
    if (list.size === 0) kind!.available.delete(load);
    entry.load = null;
    this.#available--;
  }

  #kindOf(agent: FleetAgent): Kind {
    const traits = traitsOf(agent, (name) => this.#names.has(name));
    const key = JSON.stringify(traits);
    const known = this.#kinds.get(key);
    if (known) return known;
    const kind: Kind = { key, traits, members: new Set(), available: new Map(), groups: new Set() };
    this.#kinds.set(key, kind);
    for (const group of this.#groups()) link(kind, group);
    return kind;
  }

  #forgetKind(kind: Kind): void {
    this.#kinds.delete(kind.key);
    this.#fresh.delete(kind);
    for (const group of kind.groups) group.kinds.delete(kind);
  }

  /** Moves the agents that have something of this name, which no group has named before. */
  #tellApart(name: TraitName, now: number): void {
    for (const { agent, kind } of [...this.#entries.values()]) {
      if (kind && hasTrait(agent, name)) this.put(agent, now);
    }
  }
}

function link(kind: Kind, group: Group): void {
  if (!meets(kind.traits, group.requirements)) return;
  kind.groups.add(group);
  group.kinds.add(kind);
}

/** The order of agents of one kind and load. Either all durations are known or none is. */
function compareAlike(one: FleetAgent, other: FleetAgent): number {
  const faster = (one.duration_ms ?? 0) - (other.duration_ms ?? 0);
  return faster || one.idle_since - other.idle_since || compareIds(one, other);
}

function compareIds({ id }: { id: string }, { id: other }: { id: string }): number {
  return id < other ? -1 : id > other ? 1 : 0;
}
