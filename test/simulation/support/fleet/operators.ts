import { RebalanceRequest } from '../../../../src/protocol/agent/rebalance.ts';
import type { Outcome } from '../../../../src/protocol/common/errors.ts';
import { callFrom } from '../../../unit/ports/agent-registry.fixture.ts';
import type { World } from '../world.ts';
import type { FleetObjects } from './fleet-objects.ts';
import type { SimulatedAgent } from './simulated-agent.ts';

/** What people do to agents. */
export const OPERATIONS = [
  ...(['drain', 'resume', 'remove', 'resize', 'resize'] as const),
  ...(['rebalance', 'rebalance', 'rebalance', 'rebalance'] as const),
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** People who manage the agents of a fleet. */
export class Operators {
  readonly #world: World;
  readonly #fleet: FleetObjects;
  readonly #count: (what: string) => void;

  constructor(world: World, fleet: FleetObjects, count: (what: string) => void) {
    this.#world = world;
    this.#fleet = fleet;
    this.#count = count;
  }

  /** A person's call, which fails when the registry's host is away, or when a statement throws. */
  async operate(operation: Operation, agent: SimulatedAgent): Promise<void> {
    const { registry } = this.#fleet;
    if (this.#fleet.isAway(registry)) return;
    const outcome = await this.#call(operation, agent).catch(() => null);
    if (outcome === null) this.#count('a call threw');
    else if (outcome.ok) this.#count(operation);
  }

  async #call(operation: Operation, { id, capacity }: SimulatedAgent): Promise<Outcome<unknown>> {
    const { api, workspace } = this.#fleet.registry.registry;
    const world = this.#world;
    const call = callFrom(workspace);
    const timeout_seconds = world.integer(5, 120);
    switch (operation) {
      case 'drain':
        return api.drain(call, id, { timeout_seconds });
      case 'resume':
        return api.resume(call, id);
      case 'remove':
        return api.deregister(call, id, { timeout_seconds, force: world.chance(0.4) });
      case 'resize':
        return api.update(call, id, { max_concurrent_capacity: world.integer(1, capacity) });
      case 'rebalance': {
        const moved = await api.rebalance(call, RebalanceRequest().parse({ max_moves: world.integer(1, 3) }));
        for (const { state } of moved.ok ? moved.value.moved : []) this.#count(`moved ${state}`);
        return moved;
      }
    }
  }
}
