import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisContextCopies } from '../../../src/adapters/upstash/redis.ts';
import { COPY_TTL_MS } from '../../../src/ports/context-copies.ts';
import { MemoryContextCopies } from '../../support/memory-context-copies.ts';
import { serverRedis, type TestRedis } from '../../support/redis.ts';
import { contextCopiesContract, ID } from './context-copies.contract.ts';

describe('copies in memory', () => {
  const copies = new MemoryContextCopies();
  contextCopiesContract(() => copies);
});

const server = process.env.TEST_REDIS_URL;

describe.skipIf(!server)('copies on a Redis server', () => {
  let redis: TestRedis;
  const copies = () => redisContextCopies(redis.url, redis.token, 60_000);

  beforeAll(async () => {
    redis = await serverRedis(server!);
  });
  afterAll(() => redis?.close());

  contextCopiesContract(copies);

  it('vanish some time after they were set last', async () => {
    await copies().set('vanishing', ID, { version: 1, text: '{}' });
    const ttl = Number(await redis.command('PTTL', `oio:context:vanishing/${ID}`));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(COPY_TTL_MS);
  });

  it('are none where something else is stored', async () => {
    await redis.command('HSET', `oio:context:strange/${ID}`, 'other', '1');
    expect(await copies().get('strange', ID)).toBeNull();
    await redis.command('SET', `oio:context:stranger/${ID}`, 'text');
    await expect(copies().get('stranger', ID)).rejects.toThrow('WRONGTYPE');
  });

  it('are refused with another token, in an error without the copy', async () => {
    const foreign = redisContextCopies(redis.url, 'another');
    const error = await foreign.set('copies', ID, { version: 1, text: '{"password":1}' }).catch((e: Error) => e);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toContain('Unauthorized');
    expect(String(error)).not.toContain('password');
  });
});

describe('a Redis that does not answer', () => {
  it('is given up soon, and after some failures at once', async () => {
    let requests = 0;
    const silent = createServer(() => requests++).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const copies = redisContextCopies(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, 'token');
    for (let attempt = 0; attempt < 5; attempt++) await expect(copies.get('default', ID)).rejects.toThrow();
    expect(requests).toBe(3);
    silent.closeAllConnections();
    silent.close();
  });

  it('ends a call with the signal of its caller', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const copies = redisContextCopies(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, 'token');
    const call = new AbortController();
    const set = copies.set('default', ID, { version: 1, text: '{}' }, call.signal).catch((error: Error) => error);
    call.abort(new Error('too late'));
    expect(await set).toBeInstanceOf(Error);
    silent.closeAllConnections();
    silent.close();
  });
});
