import type { SessionId, TaskId } from '../../protocol/common/ids.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';
import { SortedList } from '../sorted-list.ts';
import type { Kind } from './agent-index.ts';
import type { Waiting } from './match.ts';

/** A request in the queue. */
export interface QueuedRequest extends Waiting {
  task_id: TaskId;
  epoch: number;
  session_id: SessionId;
  /** See `SlotRequest`. */
  proof_key: string;
  /** Where it stands in the queue (see `turnOf`). */
  turn: number;
  /** The order of arrival. A request that is not stored yet has the last place. */
  arrival: number;
}

/** Requests that the same agents can take now, in the order of the queue. */
export interface Group {
  key: string;
  /** Those of any of them. They differ only in which agents they prefer. */
  requirements: Requirements;
  /** The processes that have refused them. */
  refusing: ReadonlySet<string>;
  /** The agents that have just declined them. */
  paused: ReadonlySet<string>;
  requests: SortedList<QueuedRequest>;
  kinds: Set<Kind>;
}

interface Entry {
  request: QueuedRequest;
  group: Group;
  /** When the first agent that has declined it can get it again (ms since the epoch); null without one. */
  pause_ends: number | null;
}

/** What follows the groups. */
export interface GroupListener {
  addGroup(group: Group, now: number): void;
  removeGroup(group: Group): void;
}

/** Groups without requests that are kept, because requests like the earlier ones come again. */
const EMPTY_GROUPS = 200;

/**
 * The queue by requirement. An agent with room concerns only the groups that it meets, and of each only the first
 * request. What nobody can serve is in groups that no agent meets.
 */
export class QueueIndex {
  readonly #listener: GroupListener;
  readonly #entries = new Map<string, Entry>();
  readonly #groups = new Map<string, Group>();
  /** The longest unused first. */
  readonly #empty = new Set<Group>();
  readonly #all = new SortedList<QueuedRequest>(inOrder);
  readonly #pauses = new SortedList<Entry>(
    (one, other) => one.pause_ends! - other.pause_ends! || inOrder(one.request, other.request),
  );
  /** The groups that have got a request since the last match. */
  #fresh = new Set<Group>();

  constructor(listener: GroupListener) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#entries.size;
  }

  get groups(): Iterable<Group> {
    return this.#groups.values();
  }

  /** When the first pause of a request ends (ms since the epoch); null without one. */
  get pauseEnds(): number | null {
    return this.#pauses.first?.pause_ends ?? null;
  }

  find(key: { task_id: string; epoch: number }): Entry | undefined {
    return this.#entries.get(keyOf(key));
  }

  /** The number of requests before this one. */
  rank(request: QueuedRequest): number {
    return this.#all.rank(request);
  }

  /** Inserts or replaces a request. */
  put(request: QueuedRequest, now: number): void {
    this.remove(request);
    const pauses = Object.entries(request.declined).filter(([, { until }]) => until > now);
    const group = this.#groupOf(request.requirements, pauses.map(([id]) => id).sort(), now);
    const pause_ends = pauses.length === 0 ? null : Math.min(...pauses.map(([, { until }]) => until));
    const entry: Entry = { request, group, pause_ends };
    this.#entries.set(keyOf(request), entry);
    group.requests.add(request);
    this.#empty.delete(group);
    this.#all.add(request);
    if (pause_ends !== null) this.#pauses.add(entry);
    this.#fresh.add(group);
  }

  remove(key: { task_id: string; epoch: number }): void {
    const entry = this.#entries.get(keyOf(key));
    if (!entry) return;
    const { request, group, pause_ends } = entry;
    this.#entries.delete(keyOf(key));
    group.requests.delete(request);
    this.#all.delete(request);
    if (pause_ends !== null) this.#pauses.delete(entry);
    if (group.requests.size === 0) this.#retire(group);
  }

  /** Ends the pauses that are over. */
  endPauses(now: number): void {
    for (let next = this.#pauses.first; next && next.pause_ends! <= now; next = this.#pauses.first) {
      this.put(next.request, now);
    }
  }

  /** The groups that have got a request since the last call. */
  takeFresh(): Set<Group> {
    const fresh = this.#fresh;
    this.#fresh = new Set();
    return fresh;
  }

  #groupOf(requirements: Requirements, paused: string[], now: number): Group {
    const key = keyOfGroup(requirements, paused);
    const known = this.#groups.get(key);
    if (known) return known;
    const group: Group = {
      key,
      requirements,
      refusing: new Set(requirements.refusing_instances),
      paused: new Set(paused),
      requests: new SortedList(inOrder),
      kinds: new Set(),
    };
    this.#groups.set(key, group);
    this.#listener.addGroup(group, now);
    return group;
  }

  #retire(group: Group): void {
    this.#fresh.delete(group);
    this.#empty.add(group);
    if (this.#empty.size <= EMPTY_GROUPS) return;
    const [oldest] = this.#empty;
    this.#empty.delete(oldest!);
    this.#groups.delete(oldest!.key);
    this.#listener.removeGroup(oldest!);
  }
}

/** The order of the queue. */
export function inOrder(one: QueuedRequest, other: QueuedRequest): number {
  // Both may be infinite.
  return one.turn - other.turn || (one.arrival === other.arrival ? 0 : one.arrival - other.arrival);
}

function keyOf({ task_id, epoch }: { task_id: string; epoch: number }): string {
  return `${task_id}/${epoch}`;
}

/** What decides which agents can take a request, and what it names of them. The order of a list makes no difference. */
function keyOfGroup(requirements: Requirements, paused: string[]): string {
  const { repository, repository_key, session_type, min_performance_tier } = requirements;
  const lists = [
    requirements.required_capabilities,
    requirements.required_labels,
    requirements.refusing_instances ?? [],
    requirements.technologies ?? [],
    Object.keys(requirements.preferred_labels ?? {}),
    paused,
  ];
  const sorted = lists.map((list) => list.toSorted());
  return JSON.stringify([...sorted, repository, repository_key, session_type ?? null, min_performance_tier ?? null]);
}
