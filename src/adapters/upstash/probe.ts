import type { Probe } from '../../ports/probe.ts';

/**
 * Sends PING to Redis over Upstash's REST protocol. There is one attempt, because the caller has its own deadline.
 */
export function redisProbe(url: string, token: string): Probe {
  return {
    name: 'redis',
    required: false,
    async check() {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(['PING']) });
      const { result } = (await response.json()) as { result?: unknown };
      if (result !== 'PONG') throw new Error(`Redis answered ${response.status} without PONG`);
    },
  };
}
