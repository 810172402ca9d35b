import { BoundedMap } from '../domain/bounded-map.ts';
import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { Call } from '../ports/calls.ts';
import { Unavailable } from '../ports/unavailable.ts';

/** An agent counts as alive for a minute. */
const EVERY_MS = 30_000;
const MAX_AGENTS_KNOWN = 10_000;

/**
 * Tells the registry that agents without sockets are alive, when they report to sessions. Each agent is passed on at most
 * every 30 s by an isolate.
 */
export class SignsOfLife {
  readonly #registries: AgentRegistries;
  readonly #now: () => number;
  readonly #passedOn = new BoundedMap<string, number>(MAX_AGENTS_KNOWN);

  constructor(registries: AgentRegistries, now: () => number) {
    this.#registries = registries;
    this.#now = now;
  }

  /** Passes on that the agent of a call is alive. It does no harm if the registry cannot be reached. */
  async of(call: Call): Promise<void> {
    const { workspace, agent } = call.principal;
    if (!agent) return;
    const key = `${workspace}/${agent.id}`;
    const now = this.#now();
    if (now - (this.#passedOn.get(key) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
    this.#passedOn.set(key, now);
    try {
      await this.#registries.of(workspace).heartbeat(call, agent.id);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
}
