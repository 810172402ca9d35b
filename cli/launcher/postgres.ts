import { freePort } from '../../runner/process/free-port.ts';
import type { DataDirectory } from '../data-directory.ts';
import { projectFile } from './project.ts';
import { randomText } from './secrets.ts';
import type { SupervisedCommand } from './supervisor.ts';

export interface PostgresPlan {
  command: SupervisedCommand;
  /** How the Worker reaches the database. */
  variables: { DATABASE_URL: string; NEON_FETCH_ENDPOINT?: string };
}

/** Whether a connection string names a database that speaks the Neon driver's protocol by itself. */
export function isNeon(connectionString: string): boolean {
  const host = URL.canParse(connectionString) ? new URL(connectionString).hostname : '';
  return host.endsWith('.neon.tech');
}

/**
 * Decides where Postgres is: embedded in the data directory, or what `DATABASE_URL` names. The endpoint's port and
 * password are chosen here, once per start, so that they hold over restarts of either side.
 */
export async function planPostgres(data: DataDirectory, env: NodeJS.ProcessEnv): Promise<PostgresPlan> {
  const command = {
    name: 'postgres',
    command: process.execPath,
    args: [projectFile('cli/postgres/main.ts')],
    finalCodes: [],
  };
  const inherited = inheritedVariables(env);
  if (env.DATABASE_URL && isNeon(env.DATABASE_URL)) {
    const url = env.DATABASE_URL;
    return {
      // It ends well once the migrations have run: the Worker needs nothing in between.
      command: { ...command, finalCodes: [0], env: { ...inherited, DATABASE_URL: url } },
      variables: { DATABASE_URL: url },
    };
  }
  const port = await freePort();
  const password = randomText();
  const home = env.DATABASE_URL
    ? { DATABASE_URL: env.DATABASE_URL }
    : { OIO_POSTGRES_DIRECTORY: data.file('postgres') };
  return {
    command: {
      ...command,
      env: { ...inherited, ...home, OIO_POSTGRES_PORT: String(port), OIO_POSTGRES_PASSWORD: password },
    },
    variables: {
      DATABASE_URL: `postgres://oio:${password}@127.0.0.1:${port}/oio`,
      NEON_FETCH_ENDPOINT: `http://127.0.0.1:${port}/sql`,
    },
  };
}

/** What Node and libpq's conventions read; no secret of the control plane is among it. */
function inheritedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const wanted = Object.entries(env).filter(([name]) =>
    /^(PATH|HOME|USER|TMPDIR|NODE_EXTRA_CA_CERTS|PG[A-Z]+)$/.test(name),
  );
  return Object.fromEntries(wanted.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
