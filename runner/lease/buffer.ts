import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AgentFrame, AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { moveAside } from '../process/move-aside.ts';

/** The lease that a buffer file belongs to: all that a later process needs to deliver the remaining frames. */
export interface BufferedLease {
  task_id: string;
  epoch: number;
  agent_id: string;
  agent_name: string;
  /** The instance that was granted the lease. */
  instance_id: string;
  stream_id: string;
  /** The proof from the offer, which the first claim needs. Absent in files of earlier versions. */
  proof?: string;
  /** Whether the session granted the lease. Frames of a lease that was never granted cannot be delivered. */
  granted: boolean;
}

const SUFFIX = '.lease';
/** The most that the frames of one lease may take on the disk, while the control plane is away. */
const MAX_BUFFER_BYTES = 536_870_912;
const PAGE_BYTES = 4_096;
/** The most frames that one read returns. */
const MAX_FRAMES = 500;

/**
 * The durable outgoing frames of one lease. Frames are numbered from 1, stored on disk before they are sent, and kept
 * until the session has acknowledged them. The buffer survives SIGKILL of this process.
 */
export class FrameBuffer {
  readonly lease: BufferedLease;
  readonly #path: string;
  readonly #database: DatabaseSync;
  #head: number;

  private constructor(path: string, database: DatabaseSync, lease: BufferedLease) {
    this.#path = path;
    this.#database = database;
    this.lease = lease;
    this.#head = (database.prepare('SELECT head FROM lease').get() as { head: number }).head;
  }

  /**
   * Creates the buffer of a lease that is about to be claimed. Replaces an earlier buffer of the same (task, epoch).
   *
   * @throws when the disk is full
   */
  static create(
    directory: string,
    lease: Omit<BufferedLease, 'stream_id' | 'granted'> & { stream_id?: string },
    maxBytes = MAX_BUFFER_BYTES,
  ): FrameBuffer {
    const path = pathFor(directory, lease);
    removeFiles(path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const record: BufferedLease = { stream_id: randomUUID(), ...lease, granted: false };
    const database = openDatabase(path, maxBytes);
    database.exec(`
      CREATE TABLE lease (record TEXT NOT NULL, head INTEGER NOT NULL) STRICT;
      CREATE TABLE frames (n INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;`);
    database.prepare('INSERT INTO lease (record, head) VALUES (?, 0)').run(JSON.stringify(record));
    return new FrameBuffer(path, database, record);
  }

  /** Whether frames of the lease are left in the directory. */
  static exists(directory: string, lease: Pick<BufferedLease, 'task_id' | 'epoch'>): boolean {
    return existsSync(pathFor(directory, lease));
  }

  /**
   * Opens the buffers that earlier processes left behind. Moves files aside that cannot be read, since they may hold
   * frames that nobody else has.
   */
  static openAll(directory: string, log: (line: string) => void = () => undefined): FrameBuffer[] {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return readdirSync(directory)
      .filter((name) => name.endsWith(SUFFIX))
      .flatMap((name) => {
        const path = join(directory, name);
        try {
          return [FrameBuffer.#open(path)];
        } catch (error) {
          const { message } = error as Error;
          if (isUnfinished(error as Error)) removeFiles(path);
          else log(`frames of a lease cannot be read (${message}) or delivered; moved them to ${moveAside(path)}`);
          return [];
        }
      });
  }

  static #open(path: string): FrameBuffer {
    const database = openDatabase(path);
    try {
      const row = database.prepare('SELECT record FROM lease').get();
      return new FrameBuffer(path, database, JSON.parse(String(row?.record)) as BufferedLease);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** The number of the newest frame; 0 when there is none. */
  get head(): number {
    return this.#head;
  }

  /** Records that the lease was granted. */
  markGranted(): void {
    this.lease.granted = true;
    this.#database.prepare('UPDATE lease SET record = ?').run(JSON.stringify(this.lease));
  }

  /**
   * Numbers a frame and stores it.
   *
   * @throws when there is no space for it; the buffer is as before then
   */
  append(body: AgentFrameBody): AgentFrame {
    const n = this.#head + 1;
    this.#database.exec('BEGIN');
    try {
      this.#database.prepare('INSERT INTO frames (n, body) VALUES (?, ?)').run(n, JSON.stringify(body));
      this.#database.prepare('UPDATE lease SET head = ?').run(n);
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk has ended the transaction already, depending on the statement.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#head = n;
    return { n, ...body };
  }

  /** Frames above `after`, in order, up to `maxBytes` of JSON; at least one frame if any exists. */
  read(after: number, maxBytes: number): AgentFrame[] {
    const frames: AgentFrame[] = [];
    let bytes = 0;
    for (const row of this.#database.prepare('SELECT n, body FROM frames WHERE n > ? ORDER BY n').iterate(after)) {
      const { n, body } = row as { n: number; body: string };
      bytes += Buffer.byteLength(body);
      if ((frames.length > 0 && bytes > maxBytes) || frames.length === MAX_FRAMES) break;
      frames.push({ n, ...(JSON.parse(body) as AgentFrameBody) });
    }
    return frames;
  }

  /** The number of the newest checkpoint among the stored frames; null when there is none. */
  newestCheckpoint(): number | null {
    const sql = `SELECT MAX(n) AS n FROM frames WHERE json_extract(body, '$.type') = 'checkpoint'`;
    return (this.#database.prepare(sql).get() as { n: number | null }).n;
  }

  /** Deletes every frame up to `n`. */
  acknowledge(n: number): void {
    this.#database.prepare('DELETE FROM frames WHERE n <= ?').run(n);
  }

  close(): void {
    this.#database.close();
  }

  /** Closes and deletes the file, after the lease has ended. */
  drop(): void {
    this.close();
    removeFiles(this.#path);
  }
}

/** Whether its process was killed while it created the buffer, before the lease was claimed. */
function isUnfinished(error: Error): boolean {
  return error.message === 'no such table: lease' || error instanceof SyntaxError;
}

function openDatabase(path: string, maxBytes = MAX_BUFFER_BYTES): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`);
  // In WAL mode, a killed process loses no committed transaction. A power cut can, but then the lease is lost anyway.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  return database;
}

function pathFor(directory: string, { task_id, epoch }: Pick<BufferedLease, 'task_id' | 'epoch'>): string {
  return join(directory, `${task_id}-${epoch}${SUFFIX}`);
}

function removeFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
