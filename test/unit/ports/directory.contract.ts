import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { DirectoryApi, DirectoryEntry } from '../../../src/ports/directory.ts';
import { SessionPriority, SessionStatus } from '../../../src/protocol/common/enums.ts';
import { ListSessionsQuery, SESSION_SORTS, type SessionSummary } from '../../../src/protocol/session/list.ts';
import { parsed } from '../../support/json-text.ts';

/** An empty directory. */
export interface DirectoryUnderTest {
  api: DirectoryApi;
  workspace: string;
  /** Its clock, in ms. */
  now(): number;
}

export function sessionIdNumbered(number: number): string {
  return `${number.toString(16).padStart(8, '0')}-1a2b-8c3d-9e4f-5a6b00000000`;
}

type EntryChanges = Partial<SessionSummary> & Partial<Omit<DirectoryEntry, 'summary'>>;

/** The directory's entry of session `number`. The numbers also order the entries by time. */
export function directoryEntry(number: number, changes: EntryChanges = {}): DirectoryEntry {
  const { rev = 1, share_done = 0, active_ms = 0, active_since = null, search_text = '', ...summary } = changes;
  const { max_duration_seconds = 3_600, ...rest } = summary;
  const at = new Date(Date.UTC(2026, 0, 1) + number * 1_000).toISOString();
  return {
    rev,
    share_done,
    active_ms,
    active_since,
    max_duration_seconds,
    search_text,
    summary: {
      id: sessionIdNumbered(number),
      title: `Session ${number}`,
      status: 'pending',
      session_type: 'execution',
      priority: 'medium',
      tags: [],
      created_at: at,
      updated_at: at,
      started_at: null,
      ended_at: null,
      health_score: 0,
      agent_id: null,
      agent_name: null,
      parent_session_id: null,
      open_approvals: 0,
      cost_usd: 0,
      error: null,
      ...rest,
    },
  };
}

/** The contract of every implementation of the directory. */
export function directoryContract(make: () => Promise<DirectoryUnderTest>): void {
  async function holding(...entries: DirectoryEntry[]) {
    const directory = await make();
    const { api, workspace } = directory;
    for (const entry of entries) await api.put(entry);
    const call: Call = {
      principal: { workspace, role: 'viewer', token_id: 'token' },
      request_id: 'request',
      idempotency: null,
    };
    const list = async (query: Record<string, unknown> = {}) => {
      const outcome = await api.list(call, ListSessionsQuery().parse(query));
      if (!outcome.ok) throw new Error(outcome.failure.detail);
      return parsed(outcome.value.text);
    };
    const numbers = async (query: Record<string, unknown> = {}) =>
      (await list(query)).items.map(({ id }) => Number.parseInt(id.slice(0, 8), 16));
    return { ...directory, call, list, numbers };
  }

  it('lists nothing while it is empty', async () => {
    const { list } = await holding();
    expect(await list()).toEqual({ items: [], total: 0, page: 1, page_size: 20, next_cursor: null });
  });

  it('lists stored entries unchanged, newest first', async () => {
    const entries = [1, 2, 3].map((number) => directoryEntry(number, { tags: ['a'], cost_usd: 0.25 }));
    const { list } = await holding(...entries);
    expect(await list()).toEqual({
      items: entries.map(({ summary }) => ({ ...summary, health_score: 0.8 })).toReversed(),
      total: 3,
      page: 1,
      page_size: 20,
      next_cursor: null,
    });
  });

  it('shows another workspace nothing', async () => {
    const { api, call } = await holding(directoryEntry(1));
    const principal = { ...call.principal, workspace: 'elsewhere' };
    expect(await api.list({ ...call, principal }, ListSessionsQuery().parse({}))).toMatchObject({
      failure: { code: 'not_found' },
    });
  });

  describe('keeps the latest revision for every order and repetition of entries', () => {
    const older = directoryEntry(1, { rev: 3, title: 'Older' });
    const newer = directoryEntry(1, { rev: 4, title: 'Newer' });

    it('ignores an older or repeated entry', async () => {
      const { api, list } = await holding(newer, older, { ...newer, search_text: 'repeated' });
      expect((await list()).items).toMatchObject([{ title: 'Newer' }]);
      await api.remove(older.summary.id, 3);
      expect((await list()).total, 'nor does an older removal').toBe(1);
    });

    it('keeps a session removed when an older entry arrives', async () => {
      const { api, list } = await holding(older);
      await api.remove(older.summary.id, 5);
      await api.remove(older.summary.id, 5);
      await api.put(newer);
      expect(await list()).toMatchObject({ items: [], total: 0 });
    });

    it('keeps a session removed when its removal came first', async () => {
      const { api, list } = await holding();
      await api.remove(older.summary.id, 5);
      await api.put(newer);
      expect((await list()).total).toBe(0);
    });
  });

  describe('filtering', () => {
    it('combines status, type, priority and tag', async () => {
      const { numbers } = await holding(
        directoryEntry(1, { status: 'running', session_type: 'debug', tags: ['x', 'y'] }),
        directoryEntry(2, { status: 'queued', priority: 'high', tags: ['x y'] }),
        directoryEntry(3, { status: 'failed', session_type: 'debug', tags: ['y'] }),
      );
      expect(await numbers({ status: ['running', 'failed'] })).toEqual([3, 1]);
      expect(await numbers({ session_type: 'debug' })).toEqual([3, 1]);
      expect(await numbers({ priority: 'high' })).toEqual([2]);
      expect(await numbers({ tag: 'y' }), 'a tag as a whole').toEqual([3, 1]);
      expect(await numbers({ status: ['running', 'queued'], session_type: 'debug', tag: 'x' })).toEqual([1]);
      expect(await numbers({ status: ['timeout'] })).toEqual([]);
    });

    it('finds the sessions that wait for a person, and the others', async () => {
      const { api, numbers } = await holding(
        directoryEntry(1, { open_approvals: 1 }),
        directoryEntry(2),
        directoryEntry(3, { open_approvals: 2, status: 'running' }),
      );
      expect(await numbers({ waiting: 'true' })).toEqual([3, 1]);
      expect(await numbers({ waiting: 'true', status: ['running'] })).toEqual([3]);
      expect(await numbers({ waiting: 'false' })).toEqual([2]);
      expect(await numbers({ sort: '-open_approvals' }), 'they come first when asked').toEqual([3, 1, 2]);
      await api.put(directoryEntry(1, { rev: 2, open_approvals: 0 }));
      expect(await numbers({ waiting: 'true' }), 'until they are answered').toEqual([3]);
    });

    it('finds text in the title or the search text, ignoring case', async () => {
      const { numbers } = await holding(
        directoryEntry(1, { title: 'Mend the ÄRGER' }),
        directoryEntry(2, { search_text: 'please mend it' }),
        directoryEntry(3, { title: 'Other' }),
      );
      expect(await numbers({ q: 'MEND' })).toEqual([2, 1]);
      expect(await numbers({ q: 'ärger' })).toEqual([1]);
    });

    it('finds ids, tags and errors', async () => {
      const error = { code: 'build_broken', message: 'The LINKER has no symbols.', retryable: false };
      const { numbers } = await holding(directoryEntry(1, { error }), directoryEntry(2, { tags: ['Night run'] }));
      expect(await numbers({ q: 'linker has' })).toEqual([1]);
      expect(await numbers({ q: 'build_broken' })).toEqual([1]);
      expect(await numbers({ q: 'night' })).toEqual([2]);
      expect(await numbers({ q: sessionIdNumbered(2).toUpperCase() })).toEqual([2]);
      expect(await numbers({ q: sessionIdNumbered(1).slice(0, 8) })).toEqual([1]);
    });

    it('finds the sessions of an agent, of a parent, and of a time', async () => {
      const agent_id = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
      const { numbers } = await holding(
        directoryEntry(1, { agent_id, agent_name: 'AGENT-ONE', updated_at: '2026-05-01T00:00:00.000Z' }),
        directoryEntry(2, { parent_session_id: sessionIdNumbered(1) }),
        directoryEntry(3, { agent_name: 'AGENT-TWO', parent_session_id: sessionIdNumbered(2) }),
      );
      expect(await numbers({ agent: agent_id })).toEqual([1]);
      expect(await numbers({ agent: 'AGENT-TWO' })).toEqual([3]);
      expect(await numbers({ parent: sessionIdNumbered(1) })).toEqual([2]);
      const second = '2026-01-01T01:00:02+01:00';
      expect(await numbers({ created_after: second })).toEqual([3]);
      expect(await numbers({ created_before: second })).toEqual([1]);
      expect(await numbers({ updated_after: '2026-04-30T23:59:59Z' })).toEqual([1]);
      expect(await numbers({ updated_before: '2026-04-30T23:59:59Z', created_after: second })).toEqual([3]);
    });

    it.each(['%', '_', "'", '"', '\\', '*', 'a%b', "' OR 1=1 --"])('treats %s as text', async (q) => {
      const { numbers } = await holding(
        directoryEntry(1, { title: `Session with ${q} in it`, tags: [q] }),
        directoryEntry(2, { title: 'Session with aXb', tags: ['aXb'] }),
      );
      expect(await numbers({ q })).toEqual([1]);
      expect(await numbers({ tag: q })).toEqual([1]);
    });
  });

  it('sorts by each column in both directions, and priority and status by their ranks', async () => {
    const { list, numbers } = await holding(
      directoryEntry(1, {
        title: 'beta',
        priority: 'low',
        open_approvals: 1,
        status: 'cancelled',
        updated_at: '2026-03-01T00:00:00.000Z',
      }),
      directoryEntry(2, {
        title: 'Alpha',
        priority: 'critical',
        open_approvals: 0,
        status: 'pending',
        updated_at: '2026-01-05T00:00:00.000Z',
      }),
      directoryEntry(3, {
        title: 'gamma',
        priority: 'high',
        open_approvals: 2,
        status: 'running',
        updated_at: '2026-02-01T00:00:00.000Z',
      }),
    );
    expect(await numbers({ sort: 'created_at' })).toEqual([1, 2, 3]);
    expect(await numbers({ sort: 'updated_at' })).toEqual([2, 3, 1]);
    expect(await numbers({ sort: 'title' })).toEqual([2, 1, 3]);
    for (const sort of SESSION_SORTS.filter((sort) => !sort.startsWith('-'))) {
      expect(await numbers({ sort: `-${sort}` }), sort).toEqual((await numbers({ sort })).toReversed());
    }
    const inOrderOf = (options: readonly string[], values: string[]) =>
      values.toSorted((a, b) => options.indexOf(a) - options.indexOf(b));
    const priorities = (await list({ sort: 'priority' })).items.map(({ priority }) => priority);
    expect(priorities).toEqual(inOrderOf(SessionPriority().options, priorities));
    const statuses = (await list({ sort: 'status' })).items.map(({ status }) => status);
    expect(statuses).toEqual(inOrderOf(SessionStatus().options, statuses));
  });

  it('shows each session on exactly one page, even among equals, with the total on every page', async () => {
    const { list } = await holding(...Array.from({ length: 25 }, (_, i) => directoryEntry(i + 1, { priority: 'low' })));
    const pages = await Promise.all([1, 2, 3].map((page) => list({ page, page_size: 10, sort: 'priority' })));
    expect(pages.map(({ items }) => items.length)).toEqual([10, 10, 5]);
    expect(new Set(pages.flatMap(({ items }) => items.map(({ id }) => id))).size).toBe(25);
    expect(pages.map(({ total }) => total)).toEqual([25, 25, 25]);
    expect(await list({ page: 4, page_size: 10 })).toMatchObject({ items: [], total: 25 });
  });

  it.each(SESSION_SORTS)(
    'a walk by cursors in the order %s has each session once, whatever comes and goes',
    async (sort) => {
      const words = ['same', 'Same', 'other', 'Ünlike'];
      const entries = Array.from({ length: 23 }, (_, i) =>
        directoryEntry(i + 1, {
          title: words[i % 4]!,
          priority: SessionPriority().options[i % 3]!,
          status: SessionStatus().options[i % 5]!,
          open_approvals: i % 2,
        }),
      );
      const { api, list } = await holding(...entries);
      const all = (await list({ sort, page_size: 100 })).items.map(({ id }) => id);
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page === 0 || cursor !== undefined; page++) {
        const { items, next_cursor, total } = await list({ sort, page_size: 5, ...(cursor && { cursor }) });
        seen.push(...items.map(({ id }) => id));
        if (page === 0) expect(total).toBe(23);
        cursor = next_cursor ?? undefined;
        // What was read goes away, and others come at both ends.
        if (page === 1) await api.remove(items[0]!.id, 9);
        await api.put(directoryEntry(100 + page, { title: 'zzz', created_at: `2027-01-0${page + 1}T00:00:00.000Z` }));
      }
      expect(seen.filter((id) => all.includes(id))).toEqual(all);
      expect(new Set(seen).size).toBe(seen.length);
    },
  );

  it('refuses the cursor of another order, and what is no cursor', async () => {
    const { api, call, list } = await holding(directoryEntry(1), directoryEntry(2));
    const { next_cursor: cursor } = await list({ page_size: 1 });
    const asked = [{ cursor, sort: 'title' }, { cursor: 'WzFd' }, { cursor: 'nonsense' }];
    for (const query of asked) {
      expect(await api.list(call, ListSessionsQuery().parse(query))).toMatchObject({
        failure: { code: 'validation_failed', errors: [{ path: 'cursor' }] },
      });
    }
  });

  it('computes health at each read, so that it falls while a session uses up its time', async () => {
    const directory = await make();
    const now = directory.now();
    const running = { status: 'running', max_duration_seconds: 1_000 } as const;
    const entries = [
      directoryEntry(1, { ...running, active_since: now }),
      directoryEntry(2, { ...running, active_since: now - 800_000 }),
      directoryEntry(3, { ...running, active_ms: 500_000, active_since: now - 450_000 }),
      directoryEntry(4, { status: 'partially_completed', share_done: 0.5 }),
      directoryEntry(5, { status: 'completed' }),
    ];
    for (const entry of entries) await directory.api.put(entry);
    const call: Call = {
      principal: { workspace: directory.workspace, role: 'viewer', token_id: 'token' },
      request_id: 'request',
      idempotency: null,
    };
    const listed = await directory.api.list(call, ListSessionsQuery().parse({ sort: 'created_at' }));
    expect(listed.ok && parsed(listed.value.text).items.map(({ health_score }) => health_score)).toEqual([
      0.9, 0.7, 0.3, 0.5, 1,
    ]);
  });
}
