import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ContextWriter, expectAllWritten } from '../system/support/context-writer.ts';
import { ControlPlane } from '../system/support/control-plane.ts';
import { PostgresServer } from '../system/support/postgres-server.ts';
import { hasRedisServer, RedisServer } from '../system/support/redis-server.ts';
import { scratchDirectory } from '../system/support/rig.ts';

const WRITERS_OF_EACH = 2;
/** So many writes of each writer are acknowledged in each state of the stack. */
const PROGRESS = 4;

describe.each([{ redis: false }, ...(hasRedisServer ? [{ redis: true }] : [])])(
  'contexts (with Redis: $redis)',
  (of) => {
    const scratch = scratchDirectory();
    const parts = new AsyncDisposableStack();
    let postgres: PostgresServer;
    let redis: RedisServer | null = null;
    let controlPlane: ControlPlane;
    let refs: string[];
    let writers: ContextWriter[] = [];

    beforeAll(async () => {
      parts.defer(scratch.remove);
      postgres = await PostgresServer.absent();
      parts.defer(() => postgres.close());
      await postgres.up();
      redis = of.redis ? await RedisServer.start() : null;
      parts.defer(async () => redis?.close());
      const env = { DATABASE_URL: postgres.url, ...(redis && { REDIS_URL: redis.url }) };
      controlPlane = await ControlPlane.start(scratch.path, env);
      parts.defer(() => controlPlane.stop());
      const { client } = controlPlane;
      const session = await client.sessions.create({ title: 'A session', initial_prompt: 'Do' });
      refs = ['global', `session.${session.id}`, `session.${session.id}.notes`];
    });
    afterAll(async () => {
      for (const writer of writers) await writer.stop().catch(() => undefined);
      await parts.disposeAsync();
    });

    /** Each writer goes on. */
    async function progress(): Promise<void> {
      const before = writers.map(({ acknowledged }) => acknowledged.size);
      await eventually(async () => {
        for (const [index, writer] of writers.entries()) {
          await writer.check();
          expect(writer.acknowledged.size).toBeGreaterThanOrEqual(before[index]! + PROGRESS);
        }
      });
    }

    const listing = () =>
      fetch(`${controlPlane.url}/api/v1/contexts`, { headers: { authorization: `Bearer ${controlPlane.token}` } });

    it('are written and read while Redis, Postgres, their endpoints and the Worker are killed, and lose nothing', async () => {
      writers = refs.flatMap((ref) =>
        Array.from({ length: WRITERS_OF_EACH }, (_, index) => {
          return new ContextWriter(controlPlane.clientAt(controlPlane.url), ref, `writer-${index}`);
        }),
      );
      await progress();
      await redis?.down();
      await progress();
      await controlPlane.kill('worker');
      await progress();
      await redis?.up();
      if (redis) await controlPlane.kill('redis');
      await postgres.down();
      await progress();
      await eventually(async () => {
        const refused = await listing();
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
      });
      await controlPlane.kill('worker');
      await controlPlane.kill('postgres');
      await progress();
      await redis?.command('FLUSHALL');
      await postgres.up();
      await progress();
      for (const writer of writers) await writer.stop();
      expect(writers.some(({ refused }) => refused > 0)).toBe(true);
      for (const ref of refs) {
        await expectAllWritten(
          controlPlane.client,
          ref,
          writers.filter((writer) => writer.ref === ref),
        );
      }
    });

    it('have their newest version in Postgres, each once, and global ones with their data', async () => {
      const contexts = await Promise.all(refs.map((ref) => controlPlane.client.contexts.get(ref)));
      const newest = contexts.map(({ id, version }) => ({ id, version }));
      await eventually(async () => {
        const { items } = await controlPlane.client.contexts.list();
        const listed = items.map(({ id, version }) => ({ id, version }));
        expect(listed.sort(byId)).toEqual(newest.sort(byId));
      });
      const stored = await postgres.rows<{ data: string }>(`SELECT data FROM contexts WHERE scope = 'global'`);
      const { data } = contexts.find(({ scope }) => scope === 'global')!;
      expect(stored.map((row) => JSON.parse(row.data))).toEqual([data]);
    });

    it.runIf(of.redis)('have their newest version in Redis, but for global ones', async () => {
      for (const ref of refs) {
        await eventually(async () => {
          // A read at the home, which sets a copy that is missing.
          const { id, scope, ...context } = await controlPlane.clientAt(controlPlane.url).contexts.get(ref);
          const held = await redis!.command('HGET', `oio:context:default/${id}`, 'text');
          if (scope === 'global') expect(held).toBeNull();
          else expect(JSON.parse(held as string)).toEqual({ id, scope, ...context });
          expect(await controlPlane.client.contexts.get(ref, { min_version: context.version })).toEqual({
            id,
            scope,
            ...context,
          });
        });
      }
    });

    it.runIf(of.redis)('are read and written while Redis is full', async () => {
      await redis!.command('CONFIG', 'SET', 'maxmemory', '1');
      writers = [new ContextWriter(controlPlane.clientAt(controlPlane.url), `${refs[1]}.full`, 'writer')];
      await progress();
      await expect(redis!.command('SET', 'more', '1')).rejects.toThrow('OOM');
      await writers[0]!.stop();
      await expectAllWritten(controlPlane.client, `${refs[1]}.full`, writers);
    });
  },
);

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
