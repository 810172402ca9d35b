import { BoundedMap } from '../../domain/bounded-map.ts';
import type { AgentRegistries } from '../../ports/agent-registry.ts';
import { Unavailable } from '../../ports/unavailable.ts';
import { FRESH_MS, USABLE_MS } from './revocations.ts';

/** The number of agents whose tokens this isolate caches. */
const MAX_CACHED = 10_000;

/**
 * A cache of which agents' own tokens are valid, in this isolate. An agent's token has no record of its own: it ends
 * when the agent is removed or registers again. An answer is used as long as a list of revocations.
 */
export class OwnTokens {
  readonly #registries: AgentRegistries;
  readonly #now: () => number;
  readonly #valid = new BoundedMap<string, number>(MAX_CACHED);

  constructor(registries: AgentRegistries, now: () => number) {
    this.#registries = registries;
    this.#now = now;
  }

  /** @throws Unavailable when the last answer is too old and the registry cannot be asked */
  async isValid(workspace: string, agentId: string, tokenId: string): Promise<boolean> {
    const key = `${workspace}/${agentId}/${tokenId}`;
    const now = this.#now();
    const confirmedAt = this.#valid.get(key) ?? Number.NEGATIVE_INFINITY;
    if (now - confirmedAt < FRESH_MS) return true;
    try {
      const isValid = await this.#registries.of(workspace).isOwnToken(agentId, tokenId);
      if (isValid) this.#valid.set(key, now);
      else this.#valid.delete(key);
      return isValid;
    } catch (error) {
      if (error instanceof Unavailable && now - confirmedAt < USABLE_MS) return true;
      throw error;
    }
  }
}
