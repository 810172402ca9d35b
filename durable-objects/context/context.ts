import type { ContextApi } from '../../src/ports/contexts.ts';
import { ObjectShell } from '../kit/platform/object-shell.ts';
import { contextPortsOf } from './compose.ts';
import { callHome } from './home.ts';
import { buildContext, type ContextRuntime } from './runtime.ts';

type Args<Method extends keyof ContextApi> = Parameters<ContextApi[Method]>;
type Answer<Method extends keyof ContextApi> = ReturnType<ContextApi[Method]>;

/** The object of a context: its home. See `ContextApi`. */
export class Context extends ObjectShell<ContextRuntime> implements ContextApi {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, 'Context', (workspace, platform) =>
      buildContext(workspace, platform, contextPortsOf(workspace, env)),
    );
  }

  create(...args: Args<'create'>): Answer<'create'> {
    return callHome(this.runtime, 'create', args);
  }

  createdAt(...args: Args<'createdAt'>): Answer<'createdAt'> {
    return callHome(this.runtime, 'createdAt', args);
  }

  read(...args: Args<'read'>): Answer<'read'> {
    return callHome(this.runtime, 'read', args);
  }

  update(...args: Args<'update'>): Answer<'update'> {
    return callHome(this.runtime, 'update', args);
  }

  readKey(...args: Args<'readKey'>): Answer<'readKey'> {
    return callHome(this.runtime, 'readKey', args);
  }

  putKey(...args: Args<'putKey'>): Answer<'putKey'> {
    return callHome(this.runtime, 'putKey', args);
  }

  removeKey(...args: Args<'removeKey'>): Answer<'removeKey'> {
    return callHome(this.runtime, 'removeKey', args);
  }

  parents(...args: Args<'parents'>): Answer<'parents'> {
    return callHome(this.runtime, 'parents', args);
  }

  snapshot(...args: Args<'snapshot'>): Answer<'snapshot'> {
    return callHome(this.runtime, 'snapshot', args);
  }

  readMasked(...args: Args<'readMasked'>): Answer<'readMasked'> {
    return callHome(this.runtime, 'readMasked', args);
  }

  merge(...args: Args<'merge'>): Answer<'merge'> {
    return callHome(this.runtime, 'merge', args);
  }

  repeated(...args: Args<'repeated'>): Answer<'repeated'> {
    return callHome(this.runtime, 'repeated', args);
  }

  conflicts(...args: Args<'conflicts'>): Answer<'conflicts'> {
    return callHome(this.runtime, 'conflicts', args);
  }

  resolve(...args: Args<'resolve'>): Answer<'resolve'> {
    return callHome(this.runtime, 'resolve', args);
  }

  link(...args: Args<'link'>): Answer<'link'> {
    return callHome(this.runtime, 'link', args);
  }

  unlink(...args: Args<'unlink'>): Answer<'unlink'> {
    return callHome(this.runtime, 'unlink', args);
  }

  revert(...args: Args<'revert'>): Answer<'revert'> {
    return callHome(this.runtime, 'revert', args);
  }

  mayWatch(...args: Args<'mayWatch'>): Answer<'mayWatch'> {
    return callHome(this.runtime, 'mayWatch', args);
  }

  history(...args: Args<'history'>): Answer<'history'> {
    return callHome(this.runtime, 'history', args);
  }

  diff(...args: Args<'diff'>): Answer<'diff'> {
    return callHome(this.runtime, 'diff', args);
  }

  remove(...args: Args<'remove'>): Answer<'remove'> {
    return callHome(this.runtime, 'remove', args);
  }
}
