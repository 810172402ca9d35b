import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataDirectory } from '../../../cli/data-directory.ts';
import { planPostgres } from '../../../cli/launcher/postgres.ts';
import { planRedis } from '../../../cli/launcher/redis.ts';
import type { SupervisedCommand } from '../../../cli/launcher/supervisor.ts';
import { spawnGuarded } from '../../../runner/process/guarded-process.ts';
import { hasRedisServer, RedisServer } from '../../system/support/redis-server.ts';
import { type ControlPlane, startControlPlane } from '../servers.ts';

/** The control plane with Postgres and Redis, whose endpoints are processes of their own, as `npm start` has them. */
export interface Stack {
  /** The Worker's variables with the addresses and secrets of both. */
  variables: Record<string, string>;
  /** Null if this machine has no Redis. */
  redis: RedisServer | null;
  /** What the stores are, in words. */
  stores: string;
  startControlPlane(): Promise<ControlPlane>;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 120_000;

/** Starts the stores: the server of `TEST_POSTGRES_URL`, or an embedded Postgres; and a Redis server, if there is one. */
export async function startStack(directory: string): Promise<Stack> {
  await using parts = new AsyncDisposableStack();
  const run = async ({ command, args, env }: SupervisedCommand) => {
    const child = await spawnGuarded({ command, args, env, onOutput: () => undefined });
    parts.defer(async () => void (await child.stop()));
  };
  const { PATH, HOME, TEST_POSTGRES_URL } = process.env;
  const env = { PATH, HOME, ...(TEST_POSTGRES_URL && { DATABASE_URL: TEST_POSTGRES_URL }) };
  const postgres = await planPostgres(new DataDirectory(join(directory, 'stores')), env);
  await run(postgres.command);
  const redis = hasRedisServer ? await RedisServer.start() : null;
  parts.defer(async () => redis?.close());
  const plan = redis && (await planRedis({ ...env, REDIS_URL: redis.url }));
  if (plan) await run(plan.command);
  const variables = { ...postgres.variables, ...plan?.variables };
  const stopped = parts.move();
  return {
    variables,
    redis,
    stores: `${TEST_POSTGRES_URL ? 'a PostgreSQL server' : 'embedded Postgres'}, ${redis ? 'a Redis server without disk' : 'no Redis'}`,
    async startControlPlane() {
      const control = await startControlPlane(join(directory, 'control-plane'), { variables });
      await untilReady(control.url);
      return control;
    },
    stop: () => stopped.disposeAsync(),
  };
}

/** An embedded Postgres takes seconds to start, and more the first time. */
async function untilReady(url: string): Promise<void> {
  for (const end = performance.now() + START_LIMIT_MS; performance.now() < end; await delay(100)) {
    const { status } = (await (await fetch(`${url}/ready`)).json()) as { status: string };
    if (status === 'ready') return;
  }
  throw new Error('the control plane did not become ready with its stores');
}
