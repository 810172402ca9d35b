import { connect } from '../../src/adapters/neon/connection.ts';
import { PostgresRunHistory } from '../../src/adapters/neon/run-history.ts';
import { objectAgentRegistries, objectDirectories } from '../../src/adapters/objects/stubs.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { DEFAULT_SESSION_CONFIG, type SessionConfig } from './config.ts';
import type { SessionPorts } from './destinations.ts';

/** The one place where a session's object meets its environment. */
export function sessionPortsOf(workspace: WorkspaceId, env: Env): SessionPorts {
  return {
    registry: objectAgentRegistries(env.AGENT_REGISTRY).of(workspace),
    directory: objectDirectories(env.DIRECTORY).of(workspace),
    history: env.DATABASE_URL ? new PostgresRunHistory(connect(env.DATABASE_URL, env.NEON_FETCH_ENDPOINT)) : null,
  };
}

export function sessionConfigOf(env: Env): SessionConfig {
  const seconds = Number(env.OIO_LEASE_TTL_SECONDS ?? '');
  return {
    ...DEFAULT_SESSION_CONFIG,
    ...(seconds > 0 && { lease_ttl_ms: seconds * 1_000 }),
  };
}
