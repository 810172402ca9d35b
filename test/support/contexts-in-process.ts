import type { ContextApi, Contexts } from '../../src/ports/contexts.ts';
import type { ContextId } from '../../src/protocol/context/context.ts';
import { ContextInProcess } from './context-in-process.ts';

/** The homes of a workspace's contexts in this process. Values are copied on their way, as between objects. */
export class ContextsInProcess implements Contexts {
  readonly homes = new Map<ContextId, ContextInProcess>();
  /** Called before each call of a home. It may throw, as a lost connection. */
  before: (id: ContextId, method: string) => void | Promise<void> = () => {};

  home(id: ContextId): ContextInProcess {
    const home = this.homes.get(id) ?? new ContextInProcess();
    this.homes.set(id, home);
    return home;
  }

  at(_workspace: string, id: ContextId): ContextApi {
    const get =
      (_: unknown, method: string) =>
      async (...args: unknown[]) => {
        await this.before(id, method);
        return this.home(id).call(method as keyof ContextApi, ...(args as Parameters<ContextApi[keyof ContextApi]>));
      };
    return new Proxy({}, { get }) as ContextApi;
  }
}
