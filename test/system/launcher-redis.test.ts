import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ControlPlane } from './support/control-plane.ts';
import { NO_POSTGRES } from './support/fleet.ts';
import { hasRedisServer, RedisServer } from './support/redis-server.ts';
import { scratchDirectory } from './support/rig.ts';

describe.skipIf(!hasRedisServer)('a start with REDIS_URL', () => {
  const scratch = scratchDirectory();
  const parts = new AsyncDisposableStack();
  let redis: RedisServer;
  let controlPlane: ControlPlane;

  beforeAll(async () => {
    parts.defer(scratch.remove);
    redis = await RedisServer.start();
    parts.defer(() => redis.close());
    controlPlane = await ControlPlane.start(scratch.path, { ...NO_POSTGRES, REDIS_URL: redis.url });
    parts.defer(() => controlPlane.stop());
  });
  afterAll(() => parts.disposeAsync());

  const expectRedis = (status: 'ok' | 'unavailable') =>
    eventually(async () => {
      const { dependencies } = (await (await fetch(`${controlPlane.url}/ready`)).json()) as { dependencies: unknown };
      expect(dependencies).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'redis', status })]));
    });

  it('copies contexts to this Redis, and reads the copies', async () => {
    await expectRedis('ok');
    const { contexts } = controlPlane.client;
    const { id } = await contexts.create({ scope: 'temporary', data: { from: 'home' } });
    const key = `oio:context:default/${id}`;
    const copied = await eventually(async () => JSON.parse((await redis.command('HGET', key, 'text')) as string));
    expect(copied).toMatchObject({ id, version: 1, data: { from: 'home' } });
    await redis.command(
      'HSET',
      key,
      'order',
      '10',
      'text',
      JSON.stringify({ ...copied, version: 5, data: { from: 'Redis' } }),
    );
    expect(await contexts.get(id, { min_version: 5 })).toMatchObject({ version: 5, data: { from: 'Redis' } });
  });

  it('does without it when it is killed, and has it again when it is back', async () => {
    await redis.down();
    await expectRedis('unavailable');
    const { contexts } = controlPlane.client;
    const { id } = await contexts.create({ scope: 'temporary', data: {} });
    expect(await contexts.update(id, { updates: { a: 1 } })).toMatchObject({ version: 2 });
    expect(await contexts.get(id)).toMatchObject({ version: 2, data: { a: 1 } });
    await redis.up();
    await expectRedis('ok');
    await eventually(async () => {
      await fetch(`${controlPlane.url}/api/v1/contexts/${id}`, {
        headers: { authorization: `Bearer ${controlPlane.token}` },
      });
      expect(await redis.command('HGET', `oio:context:default/${id}`, 'order')).toBe('4');
    });
  });
});
