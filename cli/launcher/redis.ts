import { freePort } from '../../runner/process/free-port.ts';
import { setting } from '../settings.ts';
import { projectFile } from './project.ts';
import { randomText } from './secrets.ts';
import type { SupervisedCommand } from './supervisor.ts';

export interface RedisPlan {
  command: SupervisedCommand;
  /** How the Worker reaches Redis. */
  variables: { UPSTASH_REDIS_REST_URL: string; UPSTASH_REDIS_REST_TOKEN: string };
}

/** The endpoint before the server of `REDIS_URL`; null without one. Port and token are chosen once per start. */
export async function planRedis(env: NodeJS.ProcessEnv): Promise<RedisPlan | null> {
  const url = setting('REDIS_URL', env);
  if (!url) return null;
  const [port, token] = [await freePort(), randomText()];
  const inherited = Object.entries(env).filter(([name]) => /^(PATH|HOME|TMPDIR|NODE_EXTRA_CA_CERTS)$/.test(name));
  return {
    command: {
      name: 'redis',
      command: process.execPath,
      args: [projectFile('cli/redis/main.ts')],
      finalCodes: [],
      env: {
        ...(Object.fromEntries(inherited) as Record<string, string>),
        REDIS_URL: url,
        OIO_REDIS_PORT: String(port),
        OIO_REDIS_TOKEN: token,
      },
    },
    variables: { UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${port}`, UPSTASH_REDIS_REST_TOKEN: token },
  };
}
