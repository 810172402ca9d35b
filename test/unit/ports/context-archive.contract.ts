import { expect, it } from 'vitest';
import type { ContextArchive, ContextRecord } from '../../../src/ports/context-archive.ts';
import type { ContextSummary } from '../../../src/protocol/context/context.ts';

export const ID = '3f0e1f5e-8a52-8c3d-9d0b-0d6f3a1b2c3d';
const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const AGENT = '4f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';

export function contextRecord(changes: Partial<ContextRecord> = {}): ContextRecord {
  return {
    workspace: 'default',
    id: ID,
    name: 'main',
    scope: 'session',
    session_id: SESSION,
    agent_id: null,
    version: 1,
    created_at: '2026-11-22T15:04:05.678Z',
    updated_at: '2026-11-22T15:05:06.789Z',
    updated_by: { token_id: 'static', agent_id: null, task_id: null, epoch: null },
    keys: 'build\nstatus',
    data: null,
    history: null,
    ...changes,
  };
}

const summary = ({ workspace: _, keys: _keys, data: _data, history: _history, ...of }: ContextRecord): ContextSummary =>
  of;
const idOf = (index: number) => `${ID.slice(0, -4)}${String(index).padStart(4, '0')}`;

/** Every order of the items. */
function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) => ordersOf(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

/** The contract of every store of contexts. All calls of `make` may return the same one. */
export function contextArchiveContract(make: () => ContextArchive): void {
  const workspace = () => `contexts-${crypto.randomUUID()}`;
  const all = (name: string) => make().list(name, {}, null, 100);

  it('returns a context, its data and its history unchanged', async () => {
    const data = String.raw`{"":[],"a":{},"b":1e21,"c":12345678901234567890.0,"e":"\u0000\ud800”\n🙂","0":null}`;
    const record = contextRecord({ workspace: workspace(), data, history: '{"base": []}' });
    expect(await make().put(record)).toBe(true);
    expect(await all(record.workspace)).toEqual([summary(record)]);
    const { version, updated_at, updated_by } = record;
    const newest = { version, updated_at, updated_by, data };
    expect(await make().read(record.workspace, ID)).toEqual(newest);
    expect(await make().history(record.workspace, ID)).toEqual({ version: 1, history: record.history });
  });

  it('has the newest version and the most of it after every order of messages', async () => {
    const records = [
      contextRecord(),
      contextRecord({ version: 2, data: '{"a":2}' }),
      contextRecord({ version: 2, data: '{"a":2}', history: '[]' }),
      contextRecord({ version: 2 }),
    ];
    const newer = contextRecord({ version: 3, updated_at: '2026-11-23T00:00:00.000Z' });
    for (const order of ordersOf(records)) {
      const name = workspace();
      for (const record of order) expect(await make().put({ ...record, workspace: name })).toBe(true);
      expect(await make().read(name, ID)).toMatchObject({ version: 2, data: '{"a":2}' });
      expect(await make().history(name, ID)).toEqual({ version: 2, history: '[]' });
      // A living context is ahead of what was retired.
      expect(await make().put({ ...newer, workspace: name })).toBe(true);
      expect(await make().put({ ...records[2]!, workspace: name })).toBe(true);
      expect(await all(name)).toEqual([summary(newer)]);
      expect(await make().read(name, ID)).toBeNull();
      expect(await make().history(name, ID)).toBeNull();
    }
  });

  it('is not brought back by a message that is later than its removal, and goes on if it is made again', async () => {
    const [name, retired] = [workspace(), { data: '{}', history: '[]' }];
    const removal = () => make().remove(name, ID, 2);
    const put = (changes: Partial<ContextRecord>) => make().put(contextRecord({ workspace: name, ...changes }));
    await removal();
    for (const late of [{ version: 1, ...retired }, { version: 2 }, { version: 2, ...retired }]) {
      await put(late);
      await removal();
      expect(await all(name)).toEqual([]);
      expect(await make().read(name, ID)).toBeNull();
      expect(await make().history(name, ID)).toBeNull();
    }
    await put({ version: 3, name: 'again' });
    await removal();
    expect(await all(name)).toMatchObject([{ version: 3, name: 'again' }]);
    await make().remove(name, ID, 3);
    expect(await all(name)).toEqual([]);
  });

  it('keeps one row of a message that is delivered several times at once', async () => {
    const record = contextRecord({ workspace: workspace(), data: '{}' });
    expect(await Promise.all([1, 2, 3].map(() => make().put(record)))).toEqual([true, true, true]);
    expect(await all(record.workspace)).toEqual([summary(record)]);
  });

  it('lists by session, agent and scope, and finds parts of names of contexts and members', async () => {
    const name = workspace();
    const put = (index: number, changes: Partial<ContextRecord>) =>
      make().put(contextRecord({ workspace: name, id: idOf(index), ...changes }));
    const nobody = { session_id: null, agent_id: null };
    await put(1, { keys: 'Straße_100%' });
    await put(2, { ...nobody, scope: 'agent', agent_id: AGENT, keys: 'STATUS' });
    await put(3, { ...nobody, scope: 'global', name: 'release-notes', keys: '' });
    await put(4, { session_id: SESSION.replace('5a6b', '5a6c') });
    const found = async (filter: Parameters<ContextArchive['list']>[1]) =>
      (await make().list(name, filter, null, 100)).map(({ id }) => Number(id.slice(-4)));
    expect(await found({ session_id: SESSION })).toEqual([1]);
    expect(await found({ agent_id: AGENT })).toEqual([2]);
    expect(await found({ scope: 'global' })).toEqual([3]);
    expect(await found({ scope: 'session', session_id: SESSION, q: 'status' })).toEqual([]);
    expect(await found({ q: 'status' })).toEqual([4, 2]);
    expect(await found({ q: 'SE-NOTES' })).toEqual([3]);
    expect(await found({ q: 'straße_100%' })).toEqual([1]);
    for (const pattern of ['%', '_']) expect(await found({ q: `s${pattern}atus` })).toEqual([]);
    expect(await found({ q: "'; DROP TABLE contexts; --" })).toEqual([]);
  });

  it('goes through all contexts once, the youngest first, whatever is created meanwhile', async () => {
    const name = workspace();
    const at = (index: number) => `2026-11-22T15:00:0${Math.floor(index / 2)}.000Z`;
    const put = (index: number) =>
      make().put(contextRecord({ workspace: name, id: idOf(index), created_at: at(index) }));
    for (const index of [3, 0, 4, 1, 2]) await put(index);
    const seen: ContextSummary[] = [];
    for (;;) {
      const page = await make().list(name, {}, seen.at(-1) ?? null, 2);
      if (page.length === 0) break;
      seen.push(...page);
      await put(5 + seen.length);
    }
    expect(seen.map(({ id }) => Number(id.slice(-4)))).toEqual([4, 3, 2, 1, 0]);
  });

  it('separates workspaces', async () => {
    const [mine, theirs] = [workspace(), workspace()];
    await make().put(contextRecord({ workspace: mine, data: '{"mine":1}', history: '[]' }));
    await make().remove(theirs, ID, 9);
    expect(await make().read(theirs, ID)).toBeNull();
    expect(await make().history(theirs, ID)).toBeNull();
    expect(await all(theirs)).toEqual([]);
    expect(await all(mine)).toHaveLength(1);
  });
}
