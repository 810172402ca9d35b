import { type Outcome, ok } from '../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import { MAX_FILES, MAX_FILES_BYTES } from '../../src/protocol/common/limits.ts';
import type { Page, PageQuery } from '../../src/protocol/common/page.ts';
import { CHUNK_CHARS, type FileFacts } from '../../src/protocol/run/frames.ts';
import type { FileView, ReportResultRequest } from '../../src/protocol/run/reports.ts';
import type { SqlValue } from '../kit/platform/platform.ts';
import { Keyset } from '../kit/storage/keyset.ts';
import { base64Of, instant } from '../kit/text.ts';
import type { SessionParts } from './parts.ts';

interface FileRow extends FileFacts {
  id: string;
  task: number;
  epoch: number;
  bytes: number;
  created_at: number;
}

type GivenFile = ReportResultRequest['artifacts'][number];

const BY_PATH = new Keyset('files', [{ sql: 'path' }, { sql: 'task' }]);
const COLUMNS = 'id, task, epoch, path, mime_type, bytes, created_at';

/**
 * The files of tasks' results. The bytes of each are an artifact. A task has the files of the last attempt that has sent
 * any, and one file at a path: the newest.
 */
export class Files {
  readonly #parts: Pick<SessionParts, 'kit' | 'records' | 'artifacts'>;

  constructor(parts: Pick<SessionParts, 'kit' | 'records' | 'artifacts'>) {
    this.#parts = parts;
  }

  /** Names an artifact as a file. @returns why it may not be one, or null */
  add(task: number, epoch: number, id: string, { path, mime_type }: FileFacts): string | null {
    const { kit, artifacts } = this.#parts;
    this.#forget(`task = ? AND epoch <> ?`, task, epoch);
    this.#forget(`task = ? AND path = ? AND id <> ?`, task, path, id);
    const others = kit.store.row<{ files: number; bytes: number }>(
      `SELECT COUNT(*) AS files, COALESCE(SUM(bytes), 0) AS bytes FROM artifacts WHERE task = ? AND path <> ?`,
      task,
      path,
    )!;
    const bytes = artifacts.bytes(id);
    if (others.files >= MAX_FILES) return `a task has at most ${MAX_FILES} files`;
    if (others.bytes + bytes > MAX_FILES_BYTES) {
      return `the files of a task have at most ${MAX_FILES_BYTES} bytes together`;
    }
    kit.store.rows(
      `UPDATE artifacts SET path = ?, mime_type = ?, bytes = ?, created_at = ? WHERE id = ?`,
      path,
      mime_type,
      bytes,
      kit.store.platform.now(),
      id,
    );
    return null;
  }

  /** Stores a file that came in one piece, from the frame `n`. @returns why it may not be one, or null */
  store(task: number, epoch: number, n: number, { content, encoding, ...facts }: GivenFile): string | null {
    const { kit, artifacts } = this.#parts;
    const artifact_id = kit.store.platform.uuid();
    const data = encoding === 'base64' ? content : base64Of(content);
    for (let index = 0; index === 0 || index * CHUNK_CHARS < data.length; index++) {
      const chunk = data.slice(index * CHUNK_CHARS, (index + 1) * CHUNK_CHARS);
      const problem = artifacts.addChunk(task, epoch, n, { artifact_id, index, data: chunk });
      if (problem !== null) return problem;
    }
    return this.add(task, epoch, artifact_id, facts);
  }

  #forget(where: string, ...bindings: SqlValue[]): void {
    const { kit, artifacts } = this.#parts;
    const sql = `UPDATE artifacts SET path = NULL WHERE path IS NOT NULL AND ${where} RETURNING id`;
    for (const { id } of kit.store.rows<{ id: string }>(sql, ...bindings)) artifacts.dropUnnamed(id);
  }

  page(page: PageQuery): Outcome<Page<FileView>> {
    const { kit, records } = this.#parts;
    const rows = BY_PATH.page<FileRow>(
      kit.store,
      { select: COLUMNS, from: 'artifacts', where: 'path IS NOT NULL' },
      page,
    );
    if (!rows.ok) return rows;
    const session = records.session().id;
    const items = rows.value.items.map(({ task, created_at, ...row }) => ({
      ...row,
      task_id: taskIdOf(session, task),
      created_at: instant(created_at),
    }));
    return ok({ ...rows.value, items });
  }
}
