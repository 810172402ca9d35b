import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** A Postgres that queries go to: a pool of connections, and how to let go of it. */
export interface Database {
  pool: pg.Pool;
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
const connectionsMax = 10;

/** A server elsewhere. Nothing is opened until the first query, so it may be down now. */
export function connectServer(connectionString: string): Database {
  const pool = createPool({ connectionString });
  return { pool, close: () => pool.end() };
}

/**
 * Postgres itself, embedded (PGlite), with its files in a directory. It has one session, which the connections of the
 * pool share in turn. Its socket is a file that only this user can reach, because it asks for no password.
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
  // A pooled connection that breaks while idle is replaced at the next query; unheard, it would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** Longest path that every Unix takes for a socket (macOS: 104 bytes with the closing zero). */
const socketPathMaxBytes = 103;

/** One name per directory, so that a file that a killed process left is replaced at the next start. */
function socketPath(directory: string): string {
  const name = `oio-${createHash('sha256').update(directory).digest('hex').slice(0, 24)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const beside = `${directory}.sock`;
  return Buffer.byteLength(beside) <= socketPathMaxBytes ? beside : join(tmpdir(), `${name}.sock`);
}

/** A socket that connects to one path, whatever host and port its user names: `pg` itself knows only TCP and Unix. */
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
