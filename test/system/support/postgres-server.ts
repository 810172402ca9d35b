import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { steadyPort } from './control-plane.ts';

/** The endpoint's pool, and one more for whoever else comes. */
const CONNECTIONS = 12;

/** A Postgres server that can be stopped, and keeps its data until it starts again. */
export class PostgresServer {
  readonly #port: number;
  readonly #database: PGlite;
  #server: PGLiteSocketServer | null = null;

  private constructor(port: number, database: PGlite) {
    this.#port = port;
    this.#database = database;
  }

  /** A server that is not up yet. */
  static async absent(): Promise<PostgresServer> {
    return new PostgresServer(await steadyPort(), await PGlite.create());
  }

  /** For `DATABASE_URL`. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/postgres?sslmode=disable`;
  }

  async up(): Promise<void> {
    this.#server = new PGLiteSocketServer({
      ...{ db: this.#database, port: this.#port, host: '127.0.0.1', maxConnections: CONNECTIONS },
    });
    await this.#server.start();
  }

  async down(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  /** The rows of a query, whether the server is up or down. */
  async rows<Row>(text: string): Promise<Row[]> {
    return (await this.#database.query<Row>(text)).rows;
  }

  async close(): Promise<void> {
    await this.down();
    await this.#database.close();
  }
}
