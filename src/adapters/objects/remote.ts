import { Unavailable } from '../../ports/unavailable.ts';

/** What is needed of a namespace; `DurableObjectNamespace` of any class fits. */
export interface Namespace {
  getByName(name: string): { fetch(request: Request): Promise<Response> };
}

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;

/**
 * The object called `name`, as the interface that it implements.
 *
 * A stub that has once lost its object keeps failing, so each call takes a new one. Calls are not repeated here: which
 * ones may be is the caller's knowledge, and callers from outside have idempotency keys.
 * @throws Unavailable when the object cannot be reached; errors thrown inside it come through as they are
 */
export function remote<T extends object>(namespace: Namespace, name: string): T {
  return new Proxy({} as T, {
    get(_target, method) {
      // A proxy with a `then` would be taken for a promise.
      if (typeof method !== 'string' || method === 'then') return undefined;
      return (...args: unknown[]) =>
        reach(async () => {
          const stub = namespace.getByName(name) as unknown as Methods;
          return await stub[method]?.(...args);
        });
    },
  });
}

/** Runs a call on an object and tells 'it cannot be reached' from 'it threw'. */
export async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isPlatformFailure(error) ? new Unavailable('the object', error) : error;
  }
}

/** The platform marks what an object itself threw as `remote`, and what may pass as `retryable` or `overloaded`. */
function isPlatformFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  const marks = error as Error & { remote?: boolean; retryable?: boolean; overloaded?: boolean };
  if (marks.retryable || marks.overloaded) return true;
  return !marks.remote && !(error instanceof TypeError) && error.name !== 'DataCloneError';
}
