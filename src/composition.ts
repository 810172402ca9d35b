import { consoleLogger } from './adapters/console-logger.ts';
import { postgresContextArchive, postgresProbe } from './adapters/neon/postgres.ts';
import { objectsProbe } from './adapters/objects/probe.ts';
import { objectLockTurns, objectOfferTurns } from './adapters/objects/registry-turns.ts';
import {
  objectAgentRegistries,
  objectContexts,
  objectDirectories,
  objectSessions,
  objectSockets,
  objectWorkspaces,
} from './adapters/objects/stubs.ts';
import { redisProbe } from './adapters/upstash/probe.ts';
import { redisContextCopies } from './adapters/upstash/redis.ts';
import { TokenSigner } from './application/token-signer.ts';
import { readSettings, type Settings } from './configuration/read.ts';
import type { Dependencies } from './http/dependencies.ts';
import type { Effects } from './ports/effects.ts';

/**
 * Reads the Worker's environment and builds its parts. No other code reads the environment.
 * @throws SettingError that names the variable, when the configuration is invalid
 */
export function compose(env: Env): Dependencies {
  const settings = readSettings('worker', env);
  const workspaces = objectWorkspaces(env.WORKSPACE);
  const sockets = objectSockets(env);
  return {
    sessions: objectSessions(env.SESSION),
    contexts: objectContexts(env.CONTEXT),
    contextArchive: contextArchive(settings),
    contextCopies: contextCopies(settings),
    directories: objectDirectories(env.DIRECTORY),
    agentRegistries: objectAgentRegistries(env.AGENT_REGISTRY),
    workspaces,
    sockets,
    lockTurns: objectLockTurns(sockets),
    offerTurns: objectOfferTurns(sockets),
    readiness: [
      { name: 'objects', probe: objectsProbe(workspaces) },
      { name: 'postgres', probe: postgres(settings) },
      { name: 'redis', probe: redis(settings) },
    ],
    signer: new TokenSigner(settings.OIO_SIGNING_KEYS, effects.now),
    staticToken: settings.OIO_TOKEN ?? null,
    corsOrigins: settings.OIO_CORS_ORIGINS ?? [],
    assets: (request) => env.ASSETS.fetch(request),
    effects,
    logger: consoleLogger(settings.OIO_LOG_LEVEL),
  };
}

export const effects: Effects = {
  now: () => Date.now(),
  uuid: () => crypto.randomUUID(),
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

function postgres({ DATABASE_URL: url, NEON_FETCH_ENDPOINT: endpoint }: Settings<'worker'>) {
  return url ? postgresProbe(url, endpoint) : null;
}

function contextArchive({ DATABASE_URL: url, NEON_FETCH_ENDPOINT: endpoint }: Settings<'worker'>) {
  return url ? postgresContextArchive(url, endpoint) : null;
}

function contextCopies({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }: Settings<'worker'>) {
  return url && token ? redisContextCopies(url, token) : null;
}

function redis({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }: Settings<'worker'>) {
  return url && token ? redisProbe(url, token) : null;
}
