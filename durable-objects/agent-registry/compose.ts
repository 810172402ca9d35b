import { postgresAgentHistory } from '../../src/adapters/neon/postgres.ts';
import { objectSessions } from '../../src/adapters/objects/stubs.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import { sessionOfTask, type WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Eviction } from './config.ts';
import type { RegistryPorts } from './destinations.ts';

/** Builds the ports of a registry's object from its environment. */
export function registryPortsOf(workspace: WorkspaceId, env: Env): RegistryPorts {
  const { DATABASE_URL: url, NEON_FETCH_ENDPOINT: endpoint } = readObjectSettings(env);
  const sessions = objectSessions(env.SESSION);
  return {
    async evict(_key, payload) {
      const { task_id, epoch, reason } = payload as Eviction;
      await sessions.at(workspace, sessionOfTask(task_id)).evict(task_id, epoch, reason);
    },
    history: url ? postgresAgentHistory(url, endpoint) : null,
  };
}
