import { appendFileSync } from 'node:fs';

/** The servers that tests start, which take most of the time of a run. */
export type ServerKind = 'control plane' | 'agent' | 'OpenCode server' | 'Postgres endpoint' | 'browser';

/** Records the start of a server, so that `scripts/test.ts` can print how many a run has started. */
export function countServer(kind: ServerKind): void {
  const path = process.env.TEST_SERVERS_FILE;
  if (path) appendFileSync(path, `${kind}\n`);
}
