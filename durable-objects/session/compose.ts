import { postgresAgentHistory, postgresRunHistory } from '../../src/adapters/neon/postgres.ts';
import { objectAgentRegistries, objectDirectories } from '../../src/adapters/objects/stubs.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { DEFAULT_SESSION_CONFIG, type SessionConfig } from './config.ts';
import type { SessionPorts } from './destinations.ts';

/** Builds the ports of a session's object from its environment, which no other code of the session reads. */
export function sessionPortsOf(workspace: WorkspaceId, env: Env): SessionPorts {
  const { DATABASE_URL: url, NEON_FETCH_ENDPOINT: endpoint } = readObjectSettings(env);
  return {
    registry: objectAgentRegistries(env.AGENT_REGISTRY).of(workspace),
    directory: objectDirectories(env.DIRECTORY).of(workspace),
    history: url ? { ...postgresRunHistory(url, endpoint), ...postgresAgentHistory(url, endpoint) } : null,
  };
}

export function sessionConfigOf(env: Env): SessionConfig {
  return { ...DEFAULT_SESSION_CONFIG, lease_ttl_ms: readObjectSettings(env).OIO_LEASE_TTL_SECONDS * 1_000 };
}
