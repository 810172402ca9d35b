import { consoleLogger } from './adapters/console-logger.ts';
import { postgresProbe } from './adapters/neon/probe.ts';
import { objectsProbe } from './adapters/objects/probe.ts';
import {
  objectAgentRegistries,
  objectDirectories,
  objectSessions,
  objectSockets,
  objectWorkspaces,
} from './adapters/objects/stubs.ts';
import { redisProbe } from './adapters/upstash/probe.ts';
import { parseSigningKeys, TokenSigner } from './application/token-signer.ts';
import type { Dependencies } from './http/dependencies.ts';
import type { Effects } from './ports/effects.ts';

const STATIC_TOKEN_MIN_CHARS = 32;

/**
 * The one place where the Worker's environment is read and its parts are chosen.
 * @throws Error that names the variable, when the configuration cannot work
 */
export function compose(env: Env): Dependencies {
  const workspaces = objectWorkspaces(env.WORKSPACE);
  return {
    sessions: objectSessions(env.SESSION),
    directories: objectDirectories(env.DIRECTORY),
    agentRegistries: objectAgentRegistries(env.AGENT_REGISTRY),
    workspaces,
    sockets: objectSockets(env.SESSION, env.AGENT_REGISTRY),
    readiness: [
      { name: 'objects', probe: objectsProbe(workspaces) },
      { name: 'postgres', probe: env.DATABASE_URL ? postgresProbe(env.DATABASE_URL, env.NEON_FETCH_ENDPOINT) : null },
      { name: 'redis', probe: redis(env) },
    ],
    signer: new TokenSigner(signingKeys(env.OIO_SIGNING_KEYS), effects.now),
    staticToken: staticToken(env.OIO_TOKEN),
    corsOrigins: (env.OIO_CORS_ORIGINS ?? '').split(',').flatMap((origin) => origin.trim() || []),
    assets: (request) => env.ASSETS.fetch(request),
    effects,
    logger: consoleLogger(env.OIO_LOG_LEVEL),
  };
}

const effects: Effects = {
  now: () => Date.now(),
  uuid: () => crypto.randomUUID(),
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

function redis({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }: Env) {
  return url && token ? redisProbe(url, token) : null;
}

function signingKeys(text: string | undefined) {
  try {
    return parseSigningKeys(text ?? '');
  } catch (error) {
    throw new Error('OIO_SIGNING_KEYS cannot be used: write kid:secret[,kid:secret…]', { cause: error });
  }
}

/** Without the spaces and line ends at its edges, which no header can carry. */
function staticToken(given: string | undefined): string | null {
  const token = given?.trim();
  if (!token) return null;
  if (token.length >= STATIC_TOKEN_MIN_CHARS) return token;
  throw new Error(`OIO_TOKEN is shorter than ${STATIC_TOKEN_MIN_CHARS} characters`);
}
