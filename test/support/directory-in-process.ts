import { buildDirectory, type DirectoryRuntime } from '../../durable-objects/directory/runtime.ts';
import type { DirectoryApi } from '../../src/ports/directory.ts';
import { NodePlatform } from './node-platform.ts';

/** The directory in this process: its runtime on SQLite in memory. */
export class DirectoryInProcess {
  readonly platform: NodePlatform;
  readonly #evictBetweenSteps: boolean;
  #runtime: DirectoryRuntime;

  /** @param evictBetweenSteps builds a new runtime for every step, as after an eviction */
  constructor({ platform = new NodePlatform(), evictBetweenSteps = false } = {}) {
    this.platform = platform;
    this.#evictBetweenSteps = evictBetweenSteps;
    this.#runtime = buildDirectory('default', platform);
  }

  /** Memory is lost, and sockets stay. */
  evict(): void {
    this.#runtime = buildDirectory('default', this.platform);
  }

  get runtime(): DirectoryRuntime {
    if (this.#evictBetweenSteps) this.evict();
    return this.#runtime;
  }

  get api(): DirectoryApi {
    return {
      put: async (entry) => this.runtime.put(entry),
      remove: async (id, rev) => this.runtime.remove(id, rev),
      list: async (call, query) => this.runtime.list(call, query),
    };
  }
}
