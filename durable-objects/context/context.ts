import type { Call } from '../../src/ports/calls.ts';
import type { ContextApi, NewContext } from '../../src/ports/contexts.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { PageQuery } from '../../src/protocol/common/page.ts';
import type {
  ContextData,
  ContextDiff,
  ContextHistory,
  ContextKey,
  Context as View,
} from '../../src/protocol/context/context.ts';
import type {
  ContextJsonPatch,
  RevertContextRequest,
  UpdateContextRequest,
} from '../../src/protocol/context/requests.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { contextPortsOf } from './compose.ts';
import { buildContext, type ContextRuntime } from './runtime.ts';

type Args<Method extends keyof ContextApi> = Parameters<ContextApi[Method]>;

/** The object of a context: its home. See `ContextApi`. */
export class Context extends ObjectShell<ContextRuntime> implements ContextApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'Context', (workspace, platform) => buildContext(workspace, platform, contextPortsOf(env)));
  }

  async create(call: Call, context: NewContext, data: ContextData): Promise<Outcome<View>> {
    return this.runtime.create(call, context, data);
  }

  async createdAt(call: Call): Promise<Outcome<string | null>> {
    return this.runtime.createdAt(call);
  }

  async read(call: Call, version?: number): Promise<Outcome<View>> {
    return this.runtime.read(call, version);
  }

  async update(
    call: Call,
    request: UpdateContextRequest | ContextJsonPatch,
    create?: NewContext,
  ): Promise<Outcome<View>> {
    return this.runtime.update(call, request, create);
  }

  async readKey(call: Call, path: string): Promise<Outcome<ContextKey>> {
    return this.runtime.readKey(call, path);
  }

  async putKey(...args: Parameters<ContextApi['putKey']>): Promise<Outcome<ContextKey>> {
    return this.runtime.putKey(...args);
  }

  async removeKey(call: Call, path: string): Promise<Outcome<null>> {
    return this.runtime.removeKey(call, path);
  }

  async snapshot(...args: Args<'snapshot'>): ReturnType<ContextApi['snapshot']> {
    return this.runtime.snapshot(...args);
  }

  async readLinked(...args: Args<'readLinked'>): ReturnType<ContextApi['readLinked']> {
    return this.runtime.readLinked(...args);
  }

  async merge(...args: Args<'merge'>): ReturnType<ContextApi['merge']> {
    return this.runtime.merge(...args);
  }

  async conflicts(...args: Args<'conflicts'>): ReturnType<ContextApi['conflicts']> {
    return this.runtime.conflicts(...args);
  }

  async resolve(...args: Args<'resolve'>): ReturnType<ContextApi['resolve']> {
    return this.runtime.resolve(...args);
  }

  async link(...args: Args<'link'>): ReturnType<ContextApi['link']> {
    return this.runtime.link(...args);
  }

  async unlink(...args: Args<'unlink'>): ReturnType<ContextApi['unlink']> {
    return this.runtime.unlink(...args);
  }

  async revert(call: Call, request: RevertContextRequest): Promise<Outcome<View>> {
    return this.runtime.revert(call, request);
  }

  async history(call: Call, page?: PageQuery): Promise<Outcome<ContextHistory>> {
    return this.runtime.history(call, page);
  }

  async diff(call: Call, from: number, to: number): Promise<Outcome<ContextDiff>> {
    return this.runtime.diff(call, from, to);
  }

  async remove(call: Call): Promise<Outcome<null>> {
    return this.runtime.remove(call);
  }
}
