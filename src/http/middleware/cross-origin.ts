import type { MiddlewareHandler } from 'hono';
import { ROUTES } from '../../protocol/endpoints/routes.ts';
import type { AppEnv } from '../context.ts';

const METHODS = [...new Set(Object.values(ROUTES).map(({ method }) => method))].join(',');
const REQUEST_HEADERS = 'Authorization,Content-Type,Idempotency-Key,If-Match,X-Request-ID';
const RESPONSE_HEADERS = 'ETag,Link,Location,Retry-After,X-Request-ID';
const PREFLIGHT_SECONDS = '600';

/**
 * Allows pages of these origins to call the API; `*` allows all origins (CORS, https://fetch.spec.whatwg.org).
 *
 * Tokens are sent in a header that pages set themselves, so cookies and other ambient credentials are never allowed.
 * This sets the headers on the handler's response. Hono's own middleware is slower, because it creates a response first
 * and copies the handler's response into it.
 */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<AppEnv> {
  return async function allowOrigins(c, next) {
    const origin = c.req.header('Origin');
    const isAllowed = origin !== undefined && (origins.includes('*') || origins.includes(origin));
    const isPreflight = c.req.method === 'OPTIONS';
    if (isPreflight) c.res = preflight();
    else await next();
    const { headers } = c.res;
    headers.append('Vary', 'Origin');
    if (!isAllowed) return;
    headers.set('Access-Control-Allow-Origin', origin);
    if (!isPreflight) headers.set('Access-Control-Expose-Headers', RESPONSE_HEADERS);
  };
}

function preflight(): Response {
  const headers = {
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': REQUEST_HEADERS,
    'Access-Control-Max-Age': PREFLIGHT_SECONDS,
  };
  return new Response(null, { status: 204, headers });
}
