import { postgresContextArchive } from '../../src/adapters/neon/postgres.ts';
import { objectSessions } from '../../src/adapters/objects/stubs.ts';
import { redisContextCopies } from '../../src/adapters/upstash/redis.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import { sessionOfTask, type WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { ContextPorts } from './ports.ts';

/** Builds the ports of a context's home from its environment. */
export function contextPortsOf(workspace: WorkspaceId, env: Env): ContextPorts {
  const settings = readObjectSettings(env);
  const { DATABASE_URL: url, NEON_FETCH_ENDPOINT: endpoint } = settings;
  const { UPSTASH_REDIS_REST_URL: redis, UPSTASH_REDIS_REST_TOKEN: token } = settings;
  const sessions = objectSessions(env.SESSION);
  return {
    archive: url ? postgresContextArchive(url, endpoint) : null,
    copies: redis && token ? redisContextCopies(redis, token) : null,
    heldLease: (call, lease) => sessions.at(workspace, sessionOfTask(lease.task_id)).heldLease(call, lease),
    async sessionEnd(id) {
      const ended = await sessions.at(workspace, id).endedAt();
      return ended === null ? null : Date.parse(ended);
    },
  };
}
