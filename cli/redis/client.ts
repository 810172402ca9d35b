import { Command, Redis } from 'ioredis';

// By default, the client makes an object of this answer. The endpoint passes answers on as they are.
Command.setReplyTransformer('hgetall', (answer) => answer);

const CONNECT_MS = 2_000;
const COMMAND_MS = 5_000;
const LONGEST_PAUSE_MS = 2_000;

/** A connection to a Redis server, which may be down now. Commands fail at once while it is. */
export function connectRedis(url: string): Redis {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempts) => Math.min(100 * 2 ** attempts, LONGEST_PAUSE_MS),
  });
  // A failed connection is tried again, and fails the commands meanwhile.
  redis.on('error', () => undefined);
  return redis;
}
