import { Redis } from '@upstash/redis/cloudflare';
import type { Probe } from '../../ports/probe.ts';

/** Asks Redis for a sign of life. One attempt: the caller has a deadline of its own. */
export function redisProbe(url: string, token: string): Probe {
  const redis = new Redis({ url, token, retry: false, enableTelemetry: false, enableAutoPipelining: false });
  return {
    name: 'redis',
    required: false,
    async check() {
      await redis.ping();
    },
  };
}
