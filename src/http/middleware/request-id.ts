import type { MiddlewareHandler } from 'hono';
import type { Effects } from '../../ports/effects.ts';
import type { AppEnv } from '../context.ts';

const HEADER = 'X-Request-ID';
/** Ids from callers go into logs, so only short ids of plain characters are accepted. */
const ACCEPTED = /^[A-Za-z0-9._:-]{1,100}$/;

/** Gives each request an id: the caller's id if it is valid, otherwise a new one. The response repeats the id. */
export function requestId(effects: Effects): MiddlewareHandler<AppEnv> {
  return async function identify(c, next) {
    const given = c.req.header(HEADER);
    const id = given !== undefined && ACCEPTED.test(given) ? given : effects.uuid();
    c.set('requestId', id);
    await next();
    // The response to an upgrade holds the socket, and setting a header would copy it without the socket.
    if (c.res.status !== 101) c.res.headers.set(HEADER, id);
  };
}
