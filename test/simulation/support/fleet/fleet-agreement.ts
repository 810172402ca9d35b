import { sessionOfTask } from '../../../../src/protocol/common/ids.ts';
import { type FleetObject, type FleetObjects, type FleetSession, rowsIn } from './fleet-objects.ts';

/** The two sides may differ while a message is on its way: for so many looks in a row. */
const LOOKS = 3;

/** A lease as one side knows it, as text. */
const spell = (task: string, epoch: number, agent: string) => `${task} epoch ${epoch} at ${agent}`;

/** Compares the slots that agents have accepted with the leases of the sessions. */
export class Agreement {
  /** How many leases both sides had. */
  agreed = 0;
  readonly #fleet: FleetObjects;
  readonly #seen = new Map<string, number>();

  constructor(fleet: FleetObjects) {
    this.#fleet = fleet;
  }

  /** What has been different for several looks, although nothing is on its way. */
  look(): string[] {
    const { registry, sessions } = this.#fleet;
    const slots = new Set(
      rowsIn<{ task_id: string; epoch: number; agent_id: string }>(
        registry.platform,
        'slots',
        'task_id, epoch, agent_id',
        `state = 'accepted'`,
      ).map(({ task_id, epoch, agent_id }) => spell(task_id, epoch, agent_id)),
    );
    const leases = new Set(sessions.flatMap(leasesOf));
    const differing = [
      ...[...slots].filter((slot) => !leases.has(slot)).map((slot) => `only the registry has ${slot}`),
      ...[...leases].filter((lease) => !slots.has(lease)).map((lease) => `only its session has ${lease}`),
    ].filter((text) => !this.#isOnItsWay(text));
    this.agreed += [...slots].filter((slot) => leases.has(slot)).length;
    for (const known of this.#seen.keys()) if (!differing.includes(known)) this.#seen.delete(known);
    for (const text of differing) this.#seen.set(text, (this.#seen.get(text) ?? 0) + 1);
    return differing.filter((text) => this.#seen.get(text)! >= LOOKS);
  }

  /** Whether one of the two sides still has something to tell the other. */
  #isOnItsWay(text: string): boolean {
    const session = this.#fleet.sessions.find(({ id }) => text.includes(id.slice(0, -8)));
    return [this.#fleet.registry, session].some((object) => object !== undefined && hasOutbox(object));
  }
}

function leasesOf({ session, platform, id }: FleetSession): string[] {
  if (!session.runtime.exists) return [];
  const leases = rowsIn<{ task: number; epoch: number; agent_id: string }>(
    platform,
    'leases',
    'task, epoch, agent_id',
    'ended IS NULL',
  );
  return leases.map(({ task, epoch, agent_id }) =>
    spell(`${sessionOfTask(id).slice(0, -8)}${String(task).padStart(8, '0')}`, epoch, agent_id),
  );
}

function hasOutbox({ platform }: FleetObject): boolean {
  return rowsIn(platform, 'outbox', '1').length > 0;
}
