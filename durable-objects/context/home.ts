import type { ContextApi } from '../../src/ports/contexts.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import type { ContextRuntime } from './runtime.ts';

/**
 * Calls a home as others reach it. A retired context is brought back first; only its newest version can be read where it
 * is, in Postgres.
 */
export function callHome<Method extends keyof ContextApi>(
  runtime: ContextRuntime,
  method: Method,
  args: Parameters<ContextApi[Method]>,
): ReturnType<ContextApi[Method]> {
  return answer(runtime, method, args) as ReturnType<ContextApi[Method]>;
}

async function answer(runtime: ContextRuntime, method: keyof ContextApi, args: unknown[]): Promise<Outcome<unknown>> {
  const { retirement, copying } = runtime.tiers;
  const run = runtime[method] as (...args: unknown[]) => Outcome<unknown>;
  const step = (...more: unknown[]) => run.apply(runtime, [...args, ...more]);
  if (method === 'createdAt' || method === 'parents') return step();
  if (method === 'readMasked') return retirement.newest(step);
  const [call, version] = args as Parameters<ContextApi['read']>;
  if (method === 'read' && version === undefined) {
    return retirement.newest((cold) => runtime.read(call, undefined, cold));
  }
  const outcome = await retirement.live(step);
  // So that no reader gets a deleted context or a new secret from Redis after the answer, if Redis can be reached.
  await copying.blanked();
  return outcome;
}
