import { Redis } from '@upstash/redis/cloudflare';
import type { Probe } from '../../ports/probe.ts';

/** Checks that Redis answers a ping. It makes one attempt, because the caller has its own deadline. */
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
