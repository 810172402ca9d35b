import { Unavailable } from '../../ports/unavailable.ts';

/** The members of `DurableObjectNamespace` that are used here. */
export interface Namespace {
  getByName(name: string): { fetch(request: Request): Promise<Response> };
}

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;

/**
 * A client for the object with this name, typed as the interface that the object implements.
 *
 * A stub that has lost its object keeps failing, so each call uses a new stub. Calls are not retried here, because only
 * the caller knows which ones may be repeated; external callers have idempotency keys.
 * @throws Unavailable when the object cannot be reached; errors that the object throws are passed on unchanged
 */
export function remote<T extends object>(namespace: Namespace, name: string): T {
  return new Proxy({} as T, {
    get(_target, method) {
      // With a `then`, the proxy would be treated as a promise.
      if (typeof method !== 'string' || method === 'then') return undefined;
      return (...args: unknown[]) =>
        reach(async () => {
          const stub = namespace.getByName(name) as unknown as Methods;
          return await stub[method]?.(...args);
        });
    },
  });
}

/** Calls an object. @throws Unavailable if the object cannot be reached; otherwise the error that the object threw */
export async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isPlatformFailure(error) ? new Unavailable('the object', error) : error;
  }
}

/** The platform marks errors that the object threw as `remote`, and temporary ones as `retryable` or `overloaded`. */
function isPlatformFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  const marks = error as Error & { remote?: boolean; retryable?: boolean; overloaded?: boolean };
  if (marks.retryable || marks.overloaded) return true;
  return !marks.remote && !(error instanceof TypeError) && error.name !== 'DataCloneError';
}
