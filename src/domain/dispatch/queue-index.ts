import type { SessionId, TaskId } from '../../protocol/common/ids.ts';
import type { Requirements } from '../../protocol/session/requirements.ts';
import { SortedList } from '../sorted-list.ts';
import type { Kind } from './agent-index.ts';
import type { Waiting } from './match.ts';
import { type Standing, turnInLine, turnInQueue } from './queue-order.ts';

/** A request in the queue. */
export interface QueuedRequest extends Waiting, Standing {
  task_id: TaskId;
  epoch: number;
  session_id: SessionId;
  /** See `SlotRequest`. */
  proof_key: string;
  /** The order of arrival. A request that is not stored yet has the last place. */
  arrival: number;
}

/** Requests that the same agents can take now. */
export interface Group {
  key: string;
  /** Those of any of them. They differ only in which agents they prefer. */
  requirements: Requirements;
  /** The processes that have refused them. */
  refusing: ReadonlySet<string>;
  /** The agents that have just declined them. */
  paused: ReadonlySet<string>;
  /** The waiting requests by session, each in the order of its line. */
  lines: Map<SessionId, SortedList<QueuedRequest>>;
  /** The first one of each line, in the order of the queue. */
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
  /** The first ones of all lines. */
  readonly #first = new SortedList<QueuedRequest>(inOrder);
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

  /** The place of a request, from 1: those of its line before it go first, and what stands before it in the queue. */
  place(request: QueuedRequest): number {
    const inLine = this.#entries.get(keyOf(request))?.group.lines.get(request.session_id)?.rank(request) ?? 0;
    return this.#first.rank(request) + 1 + Math.max(0, inLine - 1);
  }

  /** Inserts or replaces a request. */
  put(request: QueuedRequest, now: number): void {
    this.remove(request);
    const pauses = Object.entries(request.declined).filter(([, { until }]) => until > now);
    const group = this.#groupOf(request.requirements, pauses.map(([id]) => id).sort(), now);
    const pause_ends = pauses.length === 0 ? null : Math.min(...pauses.map(([, { until }]) => until));
    const entry: Entry = { request, group, pause_ends };
    this.#entries.set(keyOf(request), entry);
    const line = group.lines.get(request.session_id) ?? new SortedList(inLine);
    group.lines.set(request.session_id, line);
    this.#changeLine(group, line, () => line.add(request));
    this.#empty.delete(group);
    if (pause_ends !== null) this.#pauses.add(entry);
    this.#fresh.add(group);
  }

  remove(key: { task_id: string; epoch: number }): void {
    const entry = this.#entries.get(keyOf(key));
    if (!entry) return;
    const { request, group, pause_ends } = entry;
    this.#entries.delete(keyOf(key));
    const line = group.lines.get(request.session_id)!;
    this.#changeLine(group, line, () => line.delete(request));
    if (line.size === 0) group.lines.delete(request.session_id);
    if (pause_ends !== null) this.#pauses.delete(entry);
    if (group.requests.size === 0) this.#retire(group);
  }

  /**
   * Removes the first request of a line, because it is given out.
   * @returns the next one of the line if it joins the queue now
   */
  take(request: QueuedRequest, now: number): QueuedRequest | null {
    const { group } = this.#entries.get(keyOf(request))!;
    const next = group.lines.get(request.session_id)?.at(1);
    this.remove(request);
    if (!next) return null;
    if (turnInQueue({ ...next, joined_at: now }) === turnInQueue(next)) return null;
    this.remove(next);
    next.joined_at = now;
    this.put(next, now);
    return next;
  }

  /** The same for any request of a line. Only if it is the first one, the next one joins. */
  takeOut(request: QueuedRequest, now: number): QueuedRequest | null {
    const line = this.#entries.get(keyOf(request))!.group.lines.get(request.session_id)!;
    if (line.first === request) return this.take(request, now);
    this.remove(request);
    return null;
  }

  /** Changes a line, and lets its first request stand in the queue. */
  #changeLine(group: Group, line: SortedList<QueuedRequest>, change: () => void): void {
    const before = line.first;
    change();
    if (line.first === before) return;
    for (const list of [group.requests, this.#first]) {
      if (before) list.delete(before);
      if (line.first) list.add(line.first);
    }
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
      lines: new Map(),
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
  return turnInQueue(one) - turnInQueue(other) || byArrival(one, other);
}

/** The order of a line. */
function inLine(one: QueuedRequest, other: QueuedRequest): number {
  return turnInLine(one) - turnInLine(other) || byArrival(one, other);
}

function byArrival({ arrival }: QueuedRequest, { arrival: other }: QueuedRequest): number {
  // Both may be infinite.
  return arrival === other ? 0 : arrival - other;
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
