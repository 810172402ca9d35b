// The entry of the package is one class with all commands of Redis, of which bundlers leave none out: 17 KiB instead of 2.
// The package is pinned, so that this name of its file is too.
// @ts-expect-error It has no types of its own.
import { HttpClient } from '../../../node_modules/@upstash/redis/chunk-4WQYU7T6.mjs';

/** The HTTP client of `@upstash/redis`. It throws if Redis rejects the command, or does not answer. */
export interface RedisHttp {
  request(call: { body: readonly (string | number)[]; signal?: () => AbortSignal }): Promise<{ result?: unknown }>;
}

export function redisHttp(url: string, token: string): RedisHttp {
  return new HttpClient({
    baseUrl: url,
    headers: { authorization: `Bearer ${token}` },
    // One attempt: its caller knows what to do without Redis.
    retry: { retries: 0 },
    responseEncoding: false,
    readYourWrites: false,
  }) as RedisHttp;
}
