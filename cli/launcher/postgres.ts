import { freePort } from '../../runner/process/free-port.ts';
import type { DataDirectory } from '../data-directory.ts';
import { setting } from '../settings.ts';
import { projectFile } from './project.ts';
import { randomText } from './secrets.ts';
import type { SupervisedCommand } from './supervisor.ts';

export interface PostgresPlan {
  command: SupervisedCommand;
  /** How the Worker reaches the database. */
  variables: { DATABASE_URL: string; NEON_FETCH_ENDPOINT?: string };
}

/** Whether a connection string names a database of Neon, which serves the driver's protocol itself. */
export function isNeon(connectionString: string): boolean {
  const host = URL.canParse(connectionString) ? new URL(connectionString).hostname : '';
  return host.endsWith('.neon.tech');
}

/**
 * Decides where Postgres is: embedded in the data directory, or the server of `DATABASE_URL`. The endpoint's port and
 * password are chosen here, once per start, so that they stay the same when the Worker or Postgres restarts.
 */
export async function planPostgres(data: DataDirectory, env: NodeJS.ProcessEnv): Promise<PostgresPlan> {
  const command = {
    name: 'postgres',
    command: process.execPath,
    args: [projectFile('cli/postgres/main.ts')],
    finalCodes: [],
  };
  const inherited = inheritedVariables(env);
  const url = setting('DATABASE_URL', env);
  if (url && isNeon(url)) {
    return {
      // The process exits with 0 after the migrations, because the Worker connects to Neon directly.
      command: { ...command, finalCodes: [0], env: { ...inherited, DATABASE_URL: url } },
      variables: { DATABASE_URL: url },
    };
  }
  const port = await freePort();
  const password = randomText();
  const home = url ? { DATABASE_URL: url } : { OIO_POSTGRES_DIRECTORY: data.file('postgres') };
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

/** The variables that Node and libpq read. No secret of the control plane is among them. */
function inheritedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const wanted = Object.entries(env).filter(([name]) =>
    /^(PATH|HOME|USER|TMPDIR|NODE_EXTRA_CA_CERTS|PG[A-Z]+)$/.test(name),
  );
  return Object.fromEntries(wanted.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
