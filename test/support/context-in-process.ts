import { buildContext, type ContextRuntime } from '../../durable-objects/context/runtime.ts';
import { NodePlatform } from './node-platform.ts';

/** The home of a context in this process: its runtime on SQLite in memory. */
export class ContextInProcess {
  readonly platform: NodePlatform;
  runtime: ContextRuntime;

  constructor(platform = new NodePlatform()) {
    this.platform = platform;
    this.runtime = buildContext('default', platform);
  }

  /** Memory is lost. */
  evict(): void {
    this.runtime = buildContext('default', this.platform);
  }
}
