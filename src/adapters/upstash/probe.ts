import type { Probe } from '../../ports/probe.ts';

/**
 * Asks Redis for a sign of life over Upstash's REST protocol, which needs no client for one command. One attempt: the
 * caller has a deadline of its own.
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
