import type { ContextCopies } from '../../ports/context-copies.ts';
import { Breaker } from '../breaker.ts';
import { RedisContextCopies } from './context-copies.ts';
import { redisHttp } from './http-client.ts';

/** The ports that Redis implements. */

/** One for each Redis, because all objects and requests of an isolate share the fate of theirs. */
const breakers = new Map<string, Breaker>();

/** How long a read waits for Redis. A home answers within some milliseconds. */
const READ_MS = 250;

/** Copies of contexts in the Redis with this REST URL. While the breaker is open, calls fail at once. */
export function redisContextCopies(url: string, token: string, readMs = READ_MS): ContextCopies {
  const breaker = breakers.get(url) ?? new Breaker();
  breakers.set(url, breaker);
  const copies = new RedisContextCopies(redisHttp(url, token), readMs);
  return {
    set: (...copy) => breaker.run(() => copies.set(...copy)),
    get: (...key) => breaker.run(() => copies.get(...key)),
  };
}
