import type { ArtifactChunk, DiffSource } from '../../src/ports/sessions.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { MAX_CHECKPOINTS, MAX_CONVERSATION_BYTES, MAX_PATCH_BYTES } from '../../src/protocol/common/limits.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { CheckpointView } from '../../src/protocol/session/checkpoint.ts';
import { insertOrReplace } from '../kit/storage/insert-or-replace.ts';
import { instant } from '../kit/text.ts';
import type { SessionParts } from './parts.ts';

type Reported = Extract<AgentFrameBody, { type: 'checkpoint' }>['data'];
type Chunk = Extract<AgentFrameBody, { type: 'artifact.chunk' }>['data'];

type Needs = Pick<SessionParts, 'kit' | 'records' | 'log'>;

/** An artifact, with the number and the total length of its stored chunks, which the last chunk's row has. */
interface Artifact {
  id: string;
  task: number;
  epoch: number;
  chunks: number;
  chars: number;
}

interface CheckpointRow {
  number: number;
  task: number;
  view: string;
  files: string;
  patch_artifact: string | null;
  patch_sha256: string | null;
  conversation_artifact: string | null;
  conversation_sha256: string | null;
  conversation_format: string | null;
  /** JSON: the artifacts before `conversation_artifact`, in order. */
  conversation_parts: string;
  /** The number of the frame, in the stream of its lease. */
  frame: number;
}

const partsOf = ({ conversation_parts }: CheckpointRow): { artifact_id: string; sha256: string }[] =>
  JSON.parse(conversation_parts);

function artifactsOf({ patch, conversation }: Reported): NonNullable<CheckpointView['artifacts']> {
  const all = [patch, ...(conversation?.parts ?? []), conversation];
  return all.flatMap((one, index) =>
    one
      ? [
          {
            id: one.artifact_id,
            content: index === 0 ? ('patch' as const) : ('conversation' as const),
            bytes: one.bytes,
          },
        ]
      : [],
  );
}

/** The most artifacts of a task that no checkpoint names. An agent sends two of them before each checkpoint. */
const MAX_UNUSED = 8;

const base64Chars = (bytes: number): number => Math.ceil(bytes / 3) * 4;
const MAX_ARTIFACT_CHARS = base64Chars(Math.max(MAX_PATCH_BYTES, MAX_CONVERSATION_BYTES)) * 1.01;

/** The checkpoints from which another machine can continue, and their artifacts in chunks. */
export class Checkpoints {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Stores the next chunk of an artifact, from the frame `n`. @returns why the chunk is invalid, or null */
  addChunk(task: number, epoch: number, n: number, chunk: Chunk): string | null {
    const { store } = this.#parts.kit;
    const known = this.#artifact(chunk.artifact_id);
    if (known && (known.task !== task || known.epoch !== epoch)) return 'the artifact belongs to another lease';
    const { chunks, chars } = known ?? { chunks: 0, chars: 0 };
    if (chunk.index !== chunks) return `expected chunk ${chunks}, but got chunk ${chunk.index}`;
    if (chars + chunk.data.length > MAX_ARTIFACT_CHARS) return 'the artifact is too large';
    if (!known) {
      // The agent may send any number of artifacts that no checkpoint names.
      for (const id of this.#unused(task, MAX_UNUSED - 1)) this.#dropArtifact(id);
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

  /** Stores the checkpoint that the agent reports in the frame `n`. @returns why it is invalid, or null */
  add(task: number, epoch: number, n: number, reported: Reported): string | null {
    const { parts = [] } = reported.conversation ?? {};
    for (const part of [reported.patch, reported.conversation, ...parts]) {
      if (part && !this.#isComplete(part, task, epoch)) return `artifact ${part.artifact_id} is incomplete`;
    }
    const { store } = this.#parts.kit;
    const number = this.lastNumber() + 1;
    const view: CheckpointView = {
      number,
      task_id: taskIdOf(this.#parts.records.session().id, task),
      epoch,
      created_at: instant(store.platform.now()),
      turn: reported.turn,
      messages_done: reported.messages_done,
      base_commit: reported.base_commit,
      patch_bytes: reported.patch?.bytes ?? 0,
      conversation_bytes: parts.reduce((sum, { bytes }) => sum + bytes, reported.conversation?.bytes ?? 0),
      local_only: reported.local_only,
      requested: reported.requested,
      ...(reported.lacks?.length ? { lacks: reported.lacks } : {}),
      artifacts: artifactsOf(reported),
    };
    const row: CheckpointRow = {
      number,
      task,
      view: JSON.stringify(view),
      files: JSON.stringify(reported.files),
      patch_artifact: reported.patch?.artifact_id ?? null,
      patch_sha256: reported.patch?.sha256 ?? null,
      conversation_artifact: reported.conversation?.artifact_id ?? null,
      conversation_sha256: reported.conversation?.sha256 ?? null,
      conversation_format: reported.conversation?.format ?? null,
      conversation_parts: JSON.stringify(parts.map(({ artifact_id, sha256 }) => ({ artifact_id, sha256 }))),
      frame: n,
    };
    insertOrReplace(store, 'checkpoints', row);
    this.#parts.records.updateTask(task, { restore: 'last' });
    this.#forgetOld(task);
    this.#parts.log.append(task, { type: 'checkpoint.created', data: { checkpoint: view } });
    return null;
  }

  /** The number of the session's newest checkpoint; 0 when there is none. All tasks share the numbering. */
  lastNumber(): number {
    return this.#parts.kit.store.row<{ n: number }>(`SELECT COALESCE(MAX(number), 0) AS n FROM checkpoints`)!.n;
  }

  /** The task's newest checkpoint. */
  newest(task: number): CheckpointView | null {
    const row = this.#newestRow(task);
    return row ? JSON.parse(row.view) : null;
  }

  /** The number of the frame with the newest checkpoint of the lease; 0 when none is stored. */
  savedFrame(task: number, epoch: number): number {
    const sql = `SELECT frame FROM checkpoints WHERE task = ? AND json_extract(view, '$.epoch') = ?
       ORDER BY number DESC LIMIT 1`;
    return this.#parts.kit.store.row<{ frame: number }>(sql, task, epoch)?.frame ?? 0;
  }

  /** The task of a checkpoint; undefined when the checkpoint does not exist. */
  taskOf(number: number): number | undefined {
    return this.#row(number)?.task;
  }

  /** The checkpoint from which a lease of the task starts. */
  toRestore(task: number): Assignment['checkpoint'] {
    const { restore } = this.#parts.records.task(task)!;
    if (restore === 'fresh') return null;
    const row = restore === 'last' ? this.#newestRow(task) : this.#row(Number(restore));
    if (!row) return null;
    return {
      ...(JSON.parse(row.view) as CheckpointView),
      patch_artifact_id: row.patch_artifact,
      patch_sha256: row.patch_sha256,
      conversation_artifact_id: row.conversation_artifact,
      conversation_sha256: row.conversation_sha256,
      conversation_format: row.conversation_format,
      conversation_parts: partsOf(row),
    };
  }

  /** The artifact with the patch of the task's newest checkpoint. */
  diff(task: number): DiffSource {
    const row = this.#newestRow(task);
    if (!row) return { checkpoint: null, base_commit: null, files: [], local_only: false, artifact_id: null };
    const view = JSON.parse(row.view) as CheckpointView;
    const artifact = row.patch_artifact ? this.#artifact(row.patch_artifact) : undefined;
    return {
      checkpoint: row.number,
      base_commit: view.base_commit,
      files: JSON.parse(row.files),
      local_only: view.local_only,
      ...(view.lacks ? { lacks: view.lacks } : {}),
      artifact_id: artifact?.id ?? null,
    };
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

  /** Deletes the artifacts of an ended lease whose checkpoint never arrived. */
  dropUnused(task: number): void {
    for (const id of this.#unused(task, 0)) this.#dropArtifact(id);
  }

  /** The artifacts of a task that no checkpoint names, except the newest `kept`. */
  #unused(task: number, kept: number): string[] {
    const strays = this.#parts.kit.store.rows<{ id: string }>(
      `SELECT id FROM artifacts WHERE task = ? AND id NOT IN (
         SELECT patch_artifact FROM checkpoints WHERE patch_artifact IS NOT NULL
         UNION ALL SELECT conversation_artifact FROM checkpoints WHERE conversation_artifact IS NOT NULL
         UNION ALL SELECT part.value ->> 'artifact_id' FROM checkpoints, json_each(conversation_parts) AS part)
       ORDER BY epoch DESC, frame DESC LIMIT -1 OFFSET ?`,
      task,
      kept,
    );
    return strays.map(({ id }) => id);
  }

  #isComplete(part: { artifact_id: string; bytes: number }, task: number, epoch: number): boolean {
    const artifact = this.#artifact(part.artifact_id);
    if (!artifact) return part.bytes === 0;
    if (artifact.task !== task || artifact.epoch !== epoch) return false;
    // Each chunk has its own padding, so the length is known only to within two bytes per chunk.
    const most = (artifact.chars / 4) * 3;
    return part.bytes <= most && part.bytes >= most - 2 * artifact.chunks;
  }

  #forgetOld(task: number): void {
    const { store } = this.#parts.kit;
    const rows = store.rows<CheckpointRow & Record<string, string>>(
      `SELECT * FROM checkpoints WHERE task = ? ORDER BY number DESC LIMIT -1 OFFSET ?`,
      task,
      MAX_CHECKPOINTS,
    );
    for (const { number } of rows) store.rows(`DELETE FROM checkpoints WHERE number = ?`, number);
    const ids = rows.flatMap((row) => [
      row.patch_artifact,
      row.conversation_artifact,
      ...partsOf(row).map(({ artifact_id }) => artifact_id),
    ]);
    for (const id of ids) if (id !== null && !this.#isUsed(id)) this.#dropArtifact(id);
  }

  /** Keeps an artifact while any checkpoint names it, because a later checkpoint may reuse it. */
  #isUsed(id: string): boolean {
    const sql = `SELECT 1 FROM checkpoints
       WHERE patch_artifact = ? OR conversation_artifact = ? OR instr(conversation_parts, ?) > 0 LIMIT 1`;
    return this.#parts.kit.store.row(sql, id, id, id) !== undefined;
  }

  #dropArtifact(id: string): void {
    this.#parts.kit.store.rows(`DELETE FROM artifact_chunks WHERE artifact = ?`, id);
    this.#parts.kit.store.rows(`DELETE FROM artifacts WHERE id = ?`, id);
  }

  #artifact(id: string): Artifact | undefined {
    return this.#parts.kit.store.row<Artifact>(
      `SELECT id, task, epoch, number + 1 AS chunks, chars FROM artifacts JOIN artifact_chunks ON artifact = id
       WHERE id = ? ORDER BY number DESC LIMIT 1`,
      id,
    );
  }

  #newestRow(task: number): CheckpointRow | undefined {
    return this.#parts.kit.store.row<CheckpointRow>(
      `SELECT * FROM checkpoints WHERE task = ? ORDER BY number DESC LIMIT 1`,
      task,
    );
  }

  #row(number: number): CheckpointRow | undefined {
    return this.#parts.kit.store.row<CheckpointRow>(`SELECT * FROM checkpoints WHERE number = ?`, number);
  }
}
