import type { ContextArchive, ContextPosition, ContextRecord, StoredContext } from '../../src/ports/context-archive.ts';
import type { ContextSummary } from '../../src/protocol/context/context.ts';
import type { ContextFilter } from '../../src/protocol/context/list.ts';

type Row = Omit<ContextRecord, 'scope'> & { scope: ContextRecord['scope'] | null };

/** Contexts in memory, as Postgres has them. */
export class MemoryContextArchive implements ContextArchive {
  readonly rows = new Map<string, Row>();

  async put(record: ContextRecord): Promise<boolean> {
    const stored = this.rows.get(keyOf(record));
    if (!stored || isLess(stored, record)) this.rows.set(keyOf(record), structuredClone(record));
    return !isLess(this.rows.get(keyOf(record))!, record);
  }

  async remove(workspace: string, id: string, version: number): Promise<void> {
    const none = { keys: '', data: null, history: null };
    const stored = this.rows.get(`${workspace}/${id}`);
    const by = { token_id: '', agent_id: null, task_id: null, epoch: null };
    const never = { session_id: null, agent_id: null, name: '', created_at: '', updated_at: '', updated_by: by };
    const removed: Row = { ...(stored ?? { ...never, workspace, id }), ...none, version, scope: null };
    if (!stored || isLess(stored, removed)) this.rows.set(`${workspace}/${id}`, removed);
  }

  async read(workspace: string, id: string): Promise<StoredContext | null> {
    const row = this.rows.get(`${workspace}/${id}`);
    if (!row || row.data === null) return null;
    const { version, updated_at, updated_by, data } = row;
    return { version, updated_at, updated_by, data };
  }

  async history(workspace: string, id: string): Promise<{ version: number; history: string } | null> {
    const row = this.rows.get(`${workspace}/${id}`);
    return row && row.history !== null ? { version: row.version, history: row.history } : null;
  }

  async list(
    workspace: string,
    { session_id, agent_id, scope, q }: ContextFilter,
    after: ContextPosition | null,
    limit: number,
  ): Promise<ContextSummary[]> {
    const matches = [...this.rows.values()].filter(
      (row) =>
        row.workspace === workspace &&
        row.scope !== null &&
        (session_id === undefined || row.session_id === session_id) &&
        (agent_id === undefined || row.agent_id === agent_id) &&
        (scope === undefined || row.scope === scope) &&
        (q === undefined || `${row.name}\n${row.keys}`.toLowerCase().includes(q.toLowerCase())) &&
        (after === null || orderOf(row) < orderOf(after)),
    );
    return matches
      .sort((a, b) => (orderOf(a) < orderOf(b) ? 1 : -1))
      .slice(0, limit)
      .map(summaryOf);
  }
}

const keyOf = ({ workspace, id }: Pick<Row, 'workspace' | 'id'>) => `${workspace}/${id}`;
const orderOf = ({ created_at, id }: ContextPosition) => `${created_at} ${id}`;

function weightOf({ scope, history, data }: Row): number {
  if (scope === null) return 3;
  return history !== null ? 2 : data !== null ? 1 : 0;
}

function isLess(a: Row, b: Row): boolean {
  return a.version < b.version || (a.version === b.version && weightOf(a) < weightOf(b));
}

function summaryOf({ workspace: _, keys: _keys, data: _data, history: _history, scope, ...row }: Row): ContextSummary {
  return { ...row, scope: scope! };
}
