import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';

/** Logs one line for each request, with its outcome and without its query, which may contain users' search texts. */
export function requestLog({ logger, effects }: Pick<Dependencies, 'logger' | 'effects'>): MiddlewareHandler<AppEnv> {
  return async function logRequest(c, next) {
    const startedAt = effects.now();
    await next();
    const principal = c.get('principal');
    logger(c.res.status >= 500 ? 'error' : 'info', 'request', {
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
