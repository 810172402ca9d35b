/**
 * The Redis process of a local control plane: the endpoint through which the Worker uses a Redis server with its
 * production client. The launcher starts it if `REDIS_URL` is set.
 *
 * Environment: `REDIS_URL`, `OIO_REDIS_PORT` and `OIO_REDIS_TOKEN`.
 */
import { readSettings } from '../../src/configuration/read.ts';
import { connectRedis } from './client.ts';
import { serveUpstashEndpoint } from './upstash-endpoint.ts';

const { REDIS_URL, OIO_REDIS_PORT, OIO_REDIS_TOKEN } = readSettings('redis', process.env);
if (!REDIS_URL || !OIO_REDIS_PORT || !OIO_REDIS_TOKEN)
  throw new Error('REDIS_URL, OIO_REDIS_PORT and OIO_REDIS_TOKEN must be set.');

const redis = connectRedis(REDIS_URL);
const endpoint = await serveUpstashEndpoint({ redis, port: OIO_REDIS_PORT, token: OIO_REDIS_TOKEN });
log('info', 'ready');
let isAway = false;
redis.on('error', (error) => {
  if (!isAway) log('warn', `the Redis server cannot be reached; trying again: ${error.message}`);
  isAway = true;
});
redis.on('ready', () => {
  if (isAway) log('info', 'the Redis server is back');
  isAway = false;
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop());

async function stop(): Promise<void> {
  await endpoint.close();
  redis.disconnect();
  process.exit(0);
}

function log(level: 'info' | 'warn', message: string): void {
  const line = { time: new Date().toISOString(), level, process: 'redis', message, notice: false };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
