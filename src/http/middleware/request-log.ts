import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { LogLevel } from '../../ports/logger.ts';
import type { AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';

/**
 * Successful reads are logged at `debug`, like the reads of objects, because pages and probes read constantly.
 * A request that fails in the control plane is an error.
 */
function levelOf(method: string, status: number): LogLevel {
  if (status >= 500) return 'error';
  return method === 'GET' && status < 400 ? 'debug' : 'info';
}

/** Logs one line for each request, with its outcome and without its query, which may contain users' search texts. */
export function requestLog({ logger, effects }: Pick<Dependencies, 'logger' | 'effects'>): MiddlewareHandler<AppEnv> {
  return async function logRequest(c, next) {
    const startedAt = effects.now();
    await next();
    const principal = c.get('principal');
    logger(levelOf(c.req.method, c.res.status), 'request', {
      request_id: c.get('requestId'),
      method: c.req.method,
      route: routePath(c, -1),
      path: c.req.path,
      status: c.res.status,
      ms: effects.now() - startedAt,
      workspace: principal?.workspace,
      token_id: principal?.token_id,
      error_code: c.get('errorCode'),
    });
  };
}
