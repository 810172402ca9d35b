import { connectRedis } from '../../cli/redis/client.ts';
import { serveUpstashEndpoint } from '../../cli/redis/upstash-endpoint.ts';

/** A Redis server behind Upstash's REST protocol, for the adapters. */
export interface TestRedis {
  url: string;
  token: string;
  /** Sends a command to the server itself. */
  command(name: string, ...args: string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** An existing server for tests. */
export async function serverRedis(url: string): Promise<TestRedis> {
  const token = crypto.randomUUID();
  const redis = connectRedis(url);
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  const { port, close } = await serveUpstashEndpoint({ redis, port: 0, token });
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    command: (name, ...args) => redis.call(name, args),
    close: async () => {
      await close();
      redis.disconnect();
    },
  };
}
