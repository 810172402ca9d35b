import type { ArtifactChunk } from '../../src/ports/sessions.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { MAX_CONVERSATION_BYTES, MAX_PATCH_BYTES } from '../../src/protocol/common/limits.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { insertOrReplace } from '../kit/storage/insert-or-replace.ts';
import type { SessionParts } from './parts.ts';

type Chunk = Extract<AgentFrameBody, { type: 'artifact.chunk' }>['data'];

/** An artifact, with the number and the total length of its stored chunks, which the last chunk's row has. */
interface Artifact {
  id: string;
  task: number;
  epoch: number;
  chunks: number;
  chars: number;
  /** Where it is a file of the result; null if it is none. */
  path: string | null;
}

/** The most artifacts of a task that nothing names. An agent sends two of them before each checkpoint. */
const MAX_UNUSED = 8;

const base64Chars = (bytes: number): number => Math.ceil(bytes / 3) * 4;
const MAX_ARTIFACT_BYTES = Math.max(MAX_PATCH_BYTES, MAX_CONVERSATION_BYTES);
const MAX_ARTIFACT_CHARS = base64Chars(MAX_ARTIFACT_BYTES) * 1.01;

/** Bytes that agents send in chunks, and that checkpoints or files of the result name. */
export class Artifacts {
  readonly #parts: Pick<SessionParts, 'kit'>;

  constructor(parts: Pick<SessionParts, 'kit'>) {
    this.#parts = parts;
  }

  /** Stores the next chunk of an artifact, from the frame `n`. @returns why the chunk is invalid, or null */
  addChunk(task: number, epoch: number, n: number, chunk: Omit<Chunk, 'file'>): string | null {
    const { store } = this.#parts.kit;
    const known = this.#find(chunk.artifact_id);
    if (known && (known.task !== task || known.epoch !== epoch)) return 'the artifact belongs to another lease';
    if (known?.path) return 'the file is complete already';
    const { chunks, chars } = known ?? { chunks: 0, chars: 0 };
    if (chunk.index !== chunks) return `expected chunk ${chunks}, but got chunk ${chunk.index}`;
    if (chars + chunk.data.length > MAX_ARTIFACT_CHARS) return `an artifact has at most ${MAX_ARTIFACT_BYTES} bytes`;
    if (!known) {
      // The agent may send any number of artifacts that nothing names.
      for (const id of this.#unused(task, MAX_UNUSED - 1)) this.drop(id);
      insertOrReplace(store, 'artifacts', { id: chunk.artifact_id, task, epoch, frame: n });
    }
    store.rows(
      `INSERT INTO artifact_chunks (artifact, number, chars, data) VALUES (?, ?, ?, ?)`,
      chunk.artifact_id,
      chunk.index,
      chars + chunk.data.length,
      chunk.data,
    );
    return null;
  }

  chunk(artifactId: string, index: number): Outcome<ArtifactChunk> {
    const row = this.#parts.kit.store.row<ArtifactChunk>(
      `SELECT data, (SELECT MAX(number) + 1 FROM artifact_chunks WHERE artifact = ?) AS chunks
       FROM artifact_chunks WHERE artifact = ? AND number = ?`,
      artifactId,
      artifactId,
      index,
    );
    return row
      ? ok(row)
      : refuse('not_found', 'The artifact has no such chunk. It may have been deleted with its checkpoint.');
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** Whether the artifact of a lease has all its chunks. One of no bytes has none. */
  isComplete(part: { artifact_id: string; bytes: number }, task: number, epoch: number): boolean {
    const artifact = this.#find(part.artifact_id);
    if (!artifact) return part.bytes === 0;
    if (artifact.task !== task || artifact.epoch !== epoch) return false;
    // Each chunk has its own padding, so the length is known only to within two bytes per chunk.
    const most = (artifact.chars / 4) * 3;
    return part.bytes <= most && part.bytes >= most - 2 * artifact.chunks;
  }

  /** The exact length of an artifact, for which all of its chunks are read. */
  bytes(id: string): number {
    const sql = `SELECT SUM(LENGTH(data) / 4 * 3 - (data LIKE '%=') - (data LIKE '%==')) AS bytes
       FROM artifact_chunks WHERE artifact = ?`;
    return this.#parts.kit.store.row<{ bytes: number | null }>(sql, id)?.bytes ?? 0;
  }

  /** Deletes the artifacts of an ended lease that nothing names. */
  dropUnused(task: number): void {
    for (const id of this.#unused(task, 0)) this.drop(id);
  }

  /** Deletes an artifact, unless it is a file or a checkpoint names it, because a later checkpoint may reuse it. */
  dropUnnamed(id: string): void {
    const sql = `SELECT 1 FROM checkpoints
       WHERE patch_artifact = ?1 OR conversation_artifact = ?1 OR instr(conversation_parts, ?1) > 0
       UNION ALL SELECT 1 FROM artifacts WHERE id = ?1 AND path IS NOT NULL LIMIT 1`;
    if (this.#parts.kit.store.row(sql, id) === undefined) this.drop(id);
  }

  drop(id: string): void {
    this.#parts.kit.store.rows(`DELETE FROM artifact_chunks WHERE artifact = ?`, id);
    this.#parts.kit.store.rows(`DELETE FROM artifacts WHERE id = ?`, id);
  }

  /** The artifacts of a task that nothing names, except the newest `kept`. Only checkpoints of the task can name them. */
  #unused(task: number, kept: number): string[] {
    const strays = this.#parts.kit.store.rows<{ id: string }>(
      `WITH own AS (SELECT patch_artifact, conversation_artifact, conversation_parts FROM checkpoints WHERE task = ?1)
       SELECT id FROM artifacts WHERE task = ?1 AND path IS NULL AND id NOT IN (
         SELECT patch_artifact FROM own WHERE patch_artifact IS NOT NULL
         UNION ALL SELECT conversation_artifact FROM own WHERE conversation_artifact IS NOT NULL
         UNION ALL SELECT part.value ->> 'artifact_id' FROM own, json_each(conversation_parts) AS part)
       ORDER BY epoch DESC, frame DESC LIMIT -1 OFFSET ?2`,
      task,
      kept,
    );
    return strays.map(({ id }) => id);
  }

  #find(id: string): Artifact | undefined {
    return this.#parts.kit.store.row<Artifact>(
      `SELECT id, task, epoch, path, number + 1 AS chunks, chars FROM artifacts JOIN artifact_chunks ON artifact = id
       WHERE id = ? ORDER BY number DESC LIMIT 1`,
      id,
    );
  }
}
