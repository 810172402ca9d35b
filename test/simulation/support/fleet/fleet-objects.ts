import type { Eviction } from '../../../../durable-objects/agent-registry/config.ts';
import type { RegistryOptions } from '../../../../durable-objects/agent-registry/runtime.ts';
import type { Lags } from '../../../../src/domain/dispatch/queue-order.ts';
import { repositoryKey } from '../../../../src/domain/repository-url.ts';
import type { EvictionReason } from '../../../../src/ports/sessions.ts';
import { Unavailable } from '../../../../src/ports/unavailable.ts';
import type { SessionPriority } from '../../../../src/protocol/common/enums.ts';
import { sessionOfTask, type TaskId } from '../../../../src/protocol/common/ids.ts';
import { DirectoryInProcess } from '../../../support/directory-in-process.ts';
import { type NodePlatform, NodePlatform as Platform } from '../../../support/node-platform.ts';
import { RegistryInProcess } from '../../../support/registry-in-process.ts';
import { FakeDestinations } from '../../../unit/session/fake-destinations.ts';
import { SessionInProcess } from '../../../unit/session/harness.ts';
import type { World } from '../world.ts';
import type { LossyCalls } from './lossy-calls.ts';

/** How much later each priority stands in the queue. Runs are short, so these are too. */
export const LAGS_MS: Lags<SessionPriority> = {
  critical: 0,
  high: 20_000,
  medium: 60_000,
  low: 180_000,
  deferred: 600_000,
};

/** The repository of all sessions and agents. */
export const REPOSITORY_URL = 'https://example.com/acme/web';
export const REPOSITORY_KEY = repositoryKey(REPOSITORY_URL);

/** An object of a fleet: its platform, and what can happen to its host. */
export interface FleetObject {
  readonly name: string;
  readonly platform: NodePlatform;
  /** The true time at which its host is back. */
  awayUntil: number;
  /** A statement has thrown, so the alarm may be set for a retry instead of the next deadline. */
  wasFaulty: boolean;
  alarm(): void;
  /** It loses its memory, and keeps its sockets. */
  evict(): void;
}

/** A session's object, with its id and its sockets. */
export interface FleetSession extends FleetObject {
  readonly id: string;
  readonly session: SessionInProcess;
}

export interface FleetRegistry extends FleetObject {
  registry: RegistryInProcess;
}

export interface FleetDirectory extends FleetObject {
  directory: DirectoryInProcess;
}

/** The objects of one workspace. They reach each other only through `calls`. */
export class FleetObjects {
  readonly sessions: FleetSession[];
  readonly registry: FleetRegistry;
  readonly directory: FleetDirectory;
  readonly #world: World;
  readonly #startsAt: number;

  constructor(world: World, seed: number, calls: LossyCalls, sessions: number) {
    this.#world = world;
    const platforms = Array.from({ length: sessions + 2 }, (_, index) => new Platform({ seed: seed * 31 + index }));
    for (const platform of platforms) platform.logger = () => undefined;
    this.#startsAt = platforms[0]!.clock;
    // A session that is away is reached later, and one that is not there never.
    const evict = async (task_id: TaskId, epoch: number, reason: EvictionReason) => {
      const target = this.sessions.find(({ id }) => id === sessionOfTask(task_id))!;
      if (this.isAway(target)) throw new Unavailable('the object');
      await target.session.runtime.evict(task_id, epoch, reason);
    };
    const evictions = calls.to({ evict }, () => false);
    this.registry = registryOn(platforms[0]!, {
      lags: LAGS_MS,
      evict: async (_key, payload) => {
        const { task_id, epoch, reason } = payload as Eviction;
        await evictions.evict(task_id, epoch, reason);
      },
    });
    this.directory = directoryOn(platforms[1]!);
    const registry = calls.to(
      apiOf(() => this.registry.registry.api),
      () => this.isAway(this.registry),
    );
    const directory = calls.to(
      apiOf(() => this.directory.directory.api),
      () => this.isAway(this.directory),
    );
    this.sessions = platforms.slice(2).map((platform, index) => {
      const destinations = Object.assign(new FakeDestinations(), { directory });
      return sessionOn(platform, index, new SessionInProcess({ platform, destinations, registry }));
    });
  }

  get all(): readonly FleetObject[] {
    return [this.registry, this.directory, ...this.sessions];
  }

  isAway({ awayUntil }: FleetObject): boolean {
    return awayUntil > this.#world.now;
  }

  /** The true time of the next alarm, and its object. An alarm waits until its host is back. */
  nextAlarm(): { at: number; object: FleetObject } | null {
    const due = this.all.flatMap((object) => {
      const { alarm } = object.platform;
      return alarm === null ? [] : [{ at: Math.max(alarm - this.#startsAt, object.awayUntil), object }];
    });
    return due.reduce<(typeof due)[number] | null>((first, one) => (first && first.at <= one.at ? first : one), null);
  }

  fire(object: FleetObject): void {
    object.platform.fireAlarm(() => object.alarm());
  }

  /** Sets the clocks of all objects to the true time. */
  tick(): void {
    for (const { platform } of this.all) platform.clock = this.#startsAt + this.#world.now;
  }

  /** Waits until no object has background work. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      for (const { platform } of this.all) await platform.settle();
      await null;
    }
  }

  close(): void {
    for (const { platform } of this.all) platform.close();
  }
}

/** The rows of a table, which may not exist yet. */
export function rowsIn<T>(platform: NodePlatform, table: string, columns: string, where = '1'): T[] {
  const exists = platform.exec(`SELECT 1 FROM sqlite_master WHERE name = ?`, [table]).length > 0;
  return exists ? (platform.exec(`SELECT ${columns} FROM ${table} WHERE ${where}`, []) as T[]) : [];
}

/** The methods of an object that may be replaced, as after an eviction. */
function apiOf<T extends object>(current: () => T): T {
  return new Proxy({} as T, { get: (_, name) => Reflect.get(current(), name) });
}

function registryOn(platform: NodePlatform, options: RegistryOptions): FleetRegistry {
  const object: FleetRegistry = {
    name: 'the registry',
    platform,
    awayUntil: 0,
    wasFaulty: false,
    registry: new RegistryInProcess({ platform, ...options }),
    alarm: () => object.registry.runtime.alarm(),
    evict: () => {
      platform.evict();
      object.registry = new RegistryInProcess({ platform, ...options });
    },
  };
  return object;
}

function directoryOn(platform: NodePlatform): FleetDirectory {
  const object: FleetDirectory = {
    name: 'the directory',
    platform,
    awayUntil: 0,
    wasFaulty: false,
    directory: new DirectoryInProcess({ platform }),
    alarm: () => object.directory.runtime.alarm(),
    evict: () => {
      platform.evict();
      object.directory = new DirectoryInProcess({ platform });
    },
  };
  return object;
}

function sessionOn(platform: NodePlatform, index: number, session: SessionInProcess): FleetSession {
  return {
    name: `session ${index}`,
    id: `0198c2f0-1a2b-8c3d-9e4f-5a6${index.toString(16)}00000000`,
    platform,
    awayUntil: 0,
    wasFaulty: false,
    session,
    alarm: () => session.runtime.alarm(),
    evict: () => session.evict(),
  };
}
