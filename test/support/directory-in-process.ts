import { buildDirectory, type DirectoryRuntime } from '../../durable-objects/directory/runtime.ts';
import type { DirectoryApi } from '../../src/ports/directory.ts';
import { NodePlatform } from './node-platform.ts';

/** The directory in this process: the runtime of the directory on SQLite in memory. */
export class DirectoryInProcess {
  readonly platform: NodePlatform;
  readonly #evictBetweenSteps: boolean;
  #runtime: DirectoryRuntime;

  /** @param evictBetweenSteps builds the runtime anew for every step, as if the object had slept in between */
  constructor({ platform = new NodePlatform(), evictBetweenSteps = false } = {}) {
    this.platform = platform;
    this.#evictBetweenSteps = evictBetweenSteps;
    this.#runtime = buildDirectory('default', platform);
  }

  get runtime(): DirectoryRuntime {
    if (this.#evictBetweenSteps) this.#runtime = buildDirectory('default', this.platform);
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
