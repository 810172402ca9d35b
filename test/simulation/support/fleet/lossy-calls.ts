import { Unavailable } from '../../../../src/ports/unavailable.ts';
import type { World } from '../world.ts';

/** A late call arrives within this time, long after its caller has given up. */
const LATEST_MS = 90_000;

/** What happens to calls between objects. Each kind is about as likely as the others. */
const FATES = ['lost', 'answer lost', 'late', 'twice', 'twice, the second one late'] as const;

/** The calls between the objects of a fleet, which are lost, late and repeated, before and after they arrive. */
export class LossyCalls {
  /** The rate of calls that do not go well, from 0 to 1. */
  rate = 0.25;
  readonly #world: World;
  readonly #count: (what: string) => void;

  constructor(world: World, count: (what: string) => void) {
    this.#world = world;
    this.#count = count;
  }

  /**
   * The methods of `target` as callers reach them.
   * @param isAway whether the object's host is down
   */
  to<T extends object>(target: T, isAway: () => boolean): T {
    return new Proxy(target, {
      get:
        (methods, name) =>
        (...args: unknown[]) =>
          this.#call(async () => {
            if (isAway()) throw new Unavailable('the object');
            return await (Reflect.get(methods, name) as (...args: unknown[]) => unknown)(...args);
          }, String(name)),
    });
  }

  async #call(arrive: () => Promise<unknown>, name: string): Promise<unknown> {
    const world = this.#world;
    if (!world.chance(this.rate)) return arrive();
    const fate = world.pick(FATES);
    this.#count(`call ${fate}`);
    world.note(`the call ${name} is ${fate}`);
    const later = () => void world.in(world.between(1, LATEST_MS), () => void arrive().catch(() => undefined));
    if (fate === 'late') later();
    if (fate === 'late' || fate === 'lost') throw new Unavailable('the object');
    if (fate === 'twice, the second one late') later();
    const answer = await arrive();
    if (fate === 'answer lost') throw new Unavailable('the object');
    return fate === 'twice' ? arrive() : answer;
  }
}
