import { callHome } from '../../durable-objects/context/home.ts';
import type { ContextPorts } from '../../durable-objects/context/ports.ts';
import { buildContext, type ContextRuntime } from '../../durable-objects/context/runtime.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { ContextApi, NewContext } from '../../src/ports/contexts.ts';
import type { ContextData } from '../../src/protocol/context/context.ts';
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

  // --- As the shell

  /** Calls the home as the Worker does. Values are copied on their way, as between objects. */
  async call<Method extends keyof ContextApi>(
    method: Method,
    ...args: Parameters<ContextApi[Method]>
  ): Promise<Awaited<ReturnType<ContextApi[Method]>>> {
    return structuredClone(await callHome(this.runtime, method, structuredClone(args)));
  }

  /** The home as a port. */
  get api(): ContextApi {
    const get =
      (_: unknown, method: keyof ContextApi) =>
      (...args: never) =>
        this.call(method, ...(args as Parameters<ContextApi[typeof method]>));
    return new Proxy({}, { get }) as ContextApi;
  }

  create(call: Call, context: NewContext, data: ContextData) {
    return this.call('create', call, context, data);
  }

  read(call: Call) {
    return this.call('read', call);
  }

  update(call: Call, updates: ContextData, create?: NewContext) {
    return this.call('update', call, { updates }, create);
  }

  history(call: Call) {
    return this.call('history', call);
  }

  remove(call: Call) {
    return this.call('remove', call);
  }
}
