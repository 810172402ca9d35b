import type { MiddlewareHandler } from 'hono';
import { MAX_DISCARDED_BODY_BYTES } from '../../protocol/common/limits.ts';
import type { AppEnv } from '../context.ts';

/** A caller that sends more slowly is answered before it has sent everything. */
const DISCARD_MS = 10_000;

/**
 * Reads what a refused request has left of its body, and discards it. Without this, the server closes the connection
 * while the caller still sends, and many clients then report a broken connection and not the answer (RFC 9112 §9.6).
 */
export const discardUnreadBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const { body } = c.req.raw;
  if (c.res.status < 400 || body === null || body.locked) return;
  const reader = body.getReader();
  const late = setTimeout(() => reader.cancel().catch(() => undefined), DISCARD_MS);
  try {
    for (let left = MAX_DISCARDED_BODY_BYTES; left > 0; ) {
      const { done, value } = await reader.read();
      if (done) return;
      left -= value.byteLength;
    }
  } catch {
    // The caller broke off. The answer may still reach it.
  } finally {
    clearTimeout(late);
  }
};
