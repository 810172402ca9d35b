import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** A Postgres database: its connection pool, and `close`, which also stops an embedded server. */
export interface Database {
  pool: pg.Pool;
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
const connectionsMax = 10;

/** Uses a Postgres server. It connects at the first query, so the server may be down now. */
export function connectServer(connectionString: string): Database {
  const pool = createPool({ connectionString });
  return { pool, close: () => pool.end() };
}

/**
 * Opens an embedded Postgres (PGlite) with its files in a directory. It has one Postgres session, which the pool's
 * connections use in turn. It asks for no password, so its socket is a file that only this user can access.
 */
export async function openEmbedded(directory: string): Promise<Database> {
  const [{ PGlite }, { PGLiteSocketServer }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite-socket'),
  ]);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const db = await PGlite.create({ dataDir: directory });
  const path = socketPath(directory);
  rmSync(path, { force: true });
  const server = new PGLiteSocketServer({ db, path, maxConnections: connectionsMax + 1 });
  const previousMask = process.umask(0o077);
  await server.start().finally(() => process.umask(previousMask));
  const pool = createPool({
    user: 'postgres',
    database: 'postgres',
    ssl: false,
    stream: () => new LocalSocket(path),
  });
  return {
    pool,
    async close() {
      await pool.end();
      await server.stop();
      await db.close();
    },
  };
}

function createPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    max: connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'oio',
  });
  // A broken idle connection is replaced at the next query. Without a listener, its error would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** The longest socket path that every Unix accepts (macOS: 104 bytes with the terminating zero). */
const socketPathMaxBytes = 103;

/** The path derives from the directory, so that the next start replaces the file that a killed process left. */
function socketPath(directory: string): string {
  const name = `oio-${createHash('sha256').update(directory).digest('hex').slice(0, 24)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const beside = `${directory}.sock`;
  return Buffer.byteLength(beside) <= socketPathMaxBytes ? beside : join(tmpdir(), `${name}.sock`);
}

/** A socket that always connects to one path, whatever host and port `pg` passes: `pg` does not support named pipes. */
class LocalSocket extends Socket {
  readonly #path: string;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  override connect(): this {
    return super.connect(this.#path);
  }
}
