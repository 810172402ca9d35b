import { postgresContextArchive } from '../../src/adapters/neon/postgres.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import type { ContextPorts } from './ports.ts';

/** Builds the ports of a context's home from its environment. */
export function contextPortsOf(env: Env): ContextPorts {
  const { DATABASE_URL: url, NEON_FETCH_ENDPOINT: endpoint } = readObjectSettings(env);
  return { archive: url ? postgresContextArchive(url, endpoint) : null };
}
