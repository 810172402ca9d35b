import { AgentIndex, type HeardAt } from './agent-index.ts';
import type { MatchConfig } from './match.ts';
import { type Group, inOrder, type QueuedRequest, QueueIndex } from './queue-index.ts';

export interface Match {
  offers: { request: QueuedRequest; agent_id: string }[];
  /** Requests that have joined the queue, because another one of their line was given out (see `turnInLine`). */
  joined: QueuedRequest[];
  /** When to match again if nothing else triggers a match (ms since the epoch); null if no such match is needed. */
  look_again_at: number | null;
}

/**
 * Decides which waiting requests are offered to which agents. Each request in turn gets the best agent that meets it
 * and has room, so a request that no agent can take does not hold up those behind it.
 *
 * After a match, no request waits that an available agent could take. The next match therefore concerns only the groups
 * of requests that have got a request, or an agent, since then.
 */
export class Dispatcher {
  readonly agents: AgentIndex;
  readonly queue: QueueIndex;
  readonly #config: MatchConfig;

  constructor(config: MatchConfig, heardAt: HeardAt) {
    this.#config = config;
    this.agents = new AgentIndex(config, heardAt, () => this.queue.groups);
    this.queue = new QueueIndex(this.agents);
  }

  /**
   * Takes the requests that are offered out of the queue, and counts them for their agents.
   * @param skip an agent that gets no offer in this match, because it has just declined one
   * @param now ms since the epoch
   */
  match(skip: string | null, now: number): Match {
    this.follow(now);
    const offers: Match['offers'] = [];
    const joined = new Set<QueuedRequest>();
    const groups = this.queue.takeFresh();
    for (const group of this.agents.takeFresh()) if (group.requests.size > 0) groups.add(group);
    while (this.agents.available > 0) {
      const group = earliest(groups);
      if (group === null) break;
      const request = group.requests.first!;
      const agent = this.agents.best({ group, requirements: request.requirements, skip, now });
      // What the first one of a group does not get, the others do not get either.
      if (agent === null) groups.delete(group);
      else {
        offers.push({ request, agent_id: agent.id });
        joined.delete(request);
        const next = this.queue.take(request, now);
        if (next) joined.add(next);
        this.agents.take(agent, now);
        if (group.requests.size === 0) groups.delete(group);
      }
    }
    if (skip !== null) this.agents.refresh(skip);
    return { offers, joined: [...joined], look_again_at: this.#lookAgainAt(skip, now) };
  }

  /** Applies what time alone has changed. */
  follow(now: number): void {
    this.agents.awaken(now);
    this.queue.endPauses(now);
  }

  #lookAgainAt(skip: string | null, now: number): number | null {
    if (this.queue.size === 0) return null;
    const times = [this.agents.awakensAt];
    // The end of a pause helps only if an agent has room.
    if (this.agents.available > 0) times.push(this.queue.pauseEnds);
    if (skip !== null && this.agents.isAvailable(skip)) times.push(now + this.#config.skipped_retry_ms);
    const known = times.filter((time) => time !== null);
    return known.length === 0 ? null : Math.min(...known);
  }
}

/** The group whose first request stands before those of the others. */
function earliest(groups: ReadonlySet<Group>): Group | null {
  let first: Group | null = null;
  for (const group of groups) {
    if (first === null || inOrder(group.requests.first!, first.requests.first!) < 0) first = group;
  }
  return first;
}
