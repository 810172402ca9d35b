import { COPY_TTL_MS, type ContextCopies, type ContextCopy } from '../../ports/context-copies.ts';
import type { WorkspaceId } from '../../protocol/common/ids.ts';
import type { ContextId } from '../../protocol/context/context.ts';
import type { RedisHttp } from './http-client.ts';

/**
 * Sets a copy if it is newer, in one step. It compares the order and stores the bytes as they are: the JSON library of
 * Redis changes empty arrays and large numbers. A repeat prolongs the life of the copy.
 */
const SET_IF_NEWER = `
local held = redis.call('HGET', KEYS[1], 'order')
if held and tonumber(held) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'order', ARGV[1], 'text', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;

/** Copies of contexts in Redis, over Upstash's REST protocol. Each call is one request. */
export class RedisContextCopies implements ContextCopies {
  readonly #redis: RedisHttp;
  readonly #readMs: number;

  /** @param readMs how long a read waits for Redis */
  constructor(redis: RedisHttp, readMs: number) {
    this.#redis = redis;
    this.#readMs = readMs;
  }

  async set(workspace: WorkspaceId, id: ContextId, { version, text }: ContextCopy, signal?: AbortSignal) {
    const order = 2 * version + Number(text === null);
    await this.#send(['EVAL', SET_IF_NEWER, 1, keyOf(workspace, id), order, text ?? '', COPY_TTL_MS], signal);
  }

  async get(workspace: WorkspaceId, id: ContextId): Promise<ContextCopy | null> {
    const held = await this.#send(['HMGET', keyOf(workspace, id), 'order', 'text'], AbortSignal.timeout(this.#readMs));
    const [order, text] = Array.isArray(held) ? held : [];
    if (typeof order !== 'string' || typeof text !== 'string') return null;
    return { version: Math.floor(Number(order) / 2), text: text === '' ? null : text };
  }

  /** @throws Error without the values of the command, which the client's errors quote, because errors are logged */
  async #send(body: readonly (string | number)[], signal: AbortSignal | undefined): Promise<unknown> {
    try {
      // As a function: the client answers a call with the reason of any other aborted signal, as if that were the result.
      return (await this.#redis.request({ body, ...(signal && { signal: () => signal }) })).result;
    } catch (error) {
      const [reason] = (error instanceof Error ? error.message : String(error)).split(', command was', 1);
      throw new Error(`Redis is not available: ${reason!.slice(0, 200)}`);
    }
  }
}

function keyOf(workspace: WorkspaceId, id: ContextId): string {
  return `oio:context:${workspace}/${id}`;
}
