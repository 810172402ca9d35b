import type { ContextPorts } from '../../durable-objects/context/ports.ts';
import { buildContext, type ContextRuntime } from '../../durable-objects/context/runtime.ts';
import { NodePlatform } from './node-platform.ts';

/** The home of a context in this process: its runtime on SQLite in memory. */
export class ContextInProcess {
  readonly platform: NodePlatform;
  readonly #ports: ContextPorts | undefined;
  runtime: ContextRuntime;

  constructor(platform = new NodePlatform(), ports?: ContextPorts) {
    this.platform = platform;
    this.#ports = ports;
    this.runtime = buildContext('default', platform, ports);
  }

  /** Memory is lost. */
  evict(): void {
    this.platform.evict();
    this.runtime = buildContext('default', this.platform, this.#ports);
  }

  async advance(ms: number): Promise<void> {
    await this.platform.settle();
    await this.platform.advance(ms, () => this.runtime.alarm());
    await this.platform.settle();
  }
}
