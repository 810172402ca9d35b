import type { DiffSource } from '../../src/ports/sessions.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { MAX_CHECKPOINTS } from '../../src/protocol/common/limits.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { CheckpointView } from '../../src/protocol/session/checkpoint.ts';
import { insertOrReplace } from '../kit/storage/insert-or-replace.ts';
import { instant } from '../kit/text.ts';
import type { SessionParts } from './parts.ts';

type Reported = Extract<AgentFrameBody, { type: 'checkpoint' }>['data'];

type Needs = Pick<SessionParts, 'kit' | 'records' | 'works' | 'log' | 'artifacts'>;

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
  /** JSON: its `StoredWork`; null if it holds none. */
  work: string | null;
}

/** All of a session's work, in a checkpoint. */
export interface FinalWork
  extends Pick<CheckpointView, 'number' | 'created_at' | 'base_commit' | 'local_only' | 'lacks'> {
  /** The task whose checkpoint it is. */
  task: number;
  /** False if other tasks have work that this does not hold. */
  is_merged: boolean;
  /** Null without changes. */
  patch: { artifact_id: string; sha256: string } | null;
}

function workOf({ task, view, patch_artifact, patch_sha256 }: CheckpointRow): FinalWork {
  const { number, created_at, base_commit, local_only, lacks } = JSON.parse(view) as CheckpointView;
  const patch =
    patch_artifact === null || patch_sha256 === null ? null : { artifact_id: patch_artifact, sha256: patch_sha256 };
  return { number, created_at, base_commit, local_only, ...(lacks && { lacks }), task, is_merged: true, patch };
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

/** The checkpoints from which another machine can continue. Their bytes are artifacts. */
export class Checkpoints {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Stores the checkpoint that the agent reports in the frame `n`. @returns why it is invalid, or null */
  add(task: number, epoch: number, n: number, reported: Reported): string | null {
    const { parts = [] } = reported.conversation ?? {};
    for (const part of [reported.patch, reported.conversation, ...parts]) {
      if (part && !this.#parts.artifacts.isComplete(part, task, epoch))
        return `artifact ${part.artifact_id} is incomplete`;
    }
    const last = this.#parts.records.lastMessageOf(task);
    if (reported.messages_done > last)
      return `messages_done is ${reported.messages_done}, but the newest message is ${last}`;
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
      commit: reported.commit ?? null,
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
      work: this.#parts.works.made(task, number, reported),
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

  /**
   * The checkpoint from which a lease of the task starts. A task that begins with a single work of another one starts
   * from its checkpoint, with a conversation of its own.
   */
  toRestore(task: number): Assignment['checkpoint'] {
    const { restore, kind } = this.#parts.records.task(task)!;
    // It has no worktree and no conversation.
    if (kind === 'deliver') return null;
    const own = restore === 'fresh' ? undefined : this.#restored(task, restore);
    if (own) return own;
    const { from } = this.#parts.works.startOf(task);
    const work = from.length === 1 ? this.#restored(task, String(from[0]!.checkpoint)) : undefined;
    if (!work) return null;
    const { conversation_parts: _, ...files } = work;
    return {
      ...files,
      messages_done: 0,
      conversation_artifact_id: null,
      conversation_sha256: null,
      conversation_format: null,
    };
  }

  #restored(task: number, restore: string): NonNullable<Assignment['checkpoint']> | undefined {
    const row = restore === 'last' ? this.#newestRow(task) : this.#row(Number(restore));
    if (!row) return undefined;
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

  /**
   * The session's work as a whole, from which its diff and its deliveries are made: that of its last task, or else the
   * newest checkpoint of its own task, or of the task that has worked last.
   */
  finalWork(): FinalWork | null {
    const { records, works } = this.#parts;
    const last = works.last();
    const [only] = last.length === 1 ? last : [];
    const row = only
      ? this.#row(only.checkpoint)
      : (this.#newestRow(records.firstTask()) ?? this.#row(this.lastNumber()));
    return row ? { ...workOf(row), is_merged: last.length <= 1 } : null;
  }

  /** The work in a checkpoint; null if there is no such checkpoint. */
  workIn(number: number): FinalWork | null {
    const row = this.#row(number);
    return row ? workOf(row) : null;
  }

  /** The artifact with the patch of the session's work. */
  diff(): DiffSource {
    const number = this.finalWork()?.number;
    const row = number === undefined ? undefined : this.#row(number);
    if (!row) return { checkpoint: null, base_commit: null, files: [], local_only: false, artifact_id: null };
    const view = JSON.parse(row.view) as CheckpointView;
    const { patch_artifact } = row;
    return {
      checkpoint: row.number,
      base_commit: view.base_commit,
      ...(view.commit && { commit: view.commit }),
      files: JSON.parse(row.files),
      local_only: view.local_only,
      ...(view.lacks ? { lacks: view.lacks } : {}),
      artifact_id: patch_artifact !== null && this.#parts.artifacts.has(patch_artifact) ? patch_artifact : null,
    };
  }

  #forgetOld(task: number): void {
    const { store } = this.#parts.kit;
    const old = store.rows<CheckpointRow & Record<string, string>>(
      `SELECT * FROM checkpoints WHERE task = ? ORDER BY number DESC LIMIT -1 OFFSET ?`,
      task,
      MAX_CHECKPOINTS,
    );
    if (old.length === 0) return;
    const isUsed = this.#usedByOthers();
    const rows = old.filter(({ number }) => !isUsed.has(number));
    for (const { number } of rows) store.rows(`DELETE FROM checkpoints WHERE number = ?`, number);
    const ids = rows.flatMap((row) => [
      row.patch_artifact,
      row.conversation_artifact,
      ...partsOf(row).map(({ artifact_id }) => artifact_id),
    ]);
    for (const id of ids) if (id !== null) this.#parts.artifacts.dropUnnamed(id);
  }

  /** The numbers of the checkpoints from whose works others were made, or from which a lease has begun. */
  #usedByOthers(): Set<number> {
    const sql = `SELECT name.value ->> 'checkpoint' AS number FROM checkpoints, json_each(work, '$.parents') AS name
       UNION SELECT name.value ->> 'checkpoint' FROM tasks, json_each(start, '$.from') AS name`;
    return new Set(this.#parts.kit.store.rows<{ number: number }>(sql).map(({ number }) => number));
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
