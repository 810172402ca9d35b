import type { MiddlewareHandler } from 'hono';
import type { Effects } from '../../ports/effects.ts';
import type { AppEnv } from '../context.ts';

const HEADER = 'X-Request-ID';
/** Ids that come from outside go into logs: nothing but plain characters, and not many. */
const ACCEPTED = /^[A-Za-z0-9._:-]{1,100}$/;

/** Gives each request an id: the caller's, where it is usable, else a new one. It is in the answer too. */
export function requestId(effects: Effects): MiddlewareHandler<AppEnv> {
  return async function identify(c, next) {
    const given = c.req.header(HEADER);
    const id = given !== undefined && ACCEPTED.test(given) ? given : effects.uuid();
    c.set('requestId', id);
    await next();
    // The answer to an upgrade belongs to the socket: copying it would lose that.
    if (c.res.status !== 101) c.res.headers.set(HEADER, id);
  };
}
