import { expect, it } from 'vitest';
import type { RunHistory, SessionRun } from '../../../src/ports/run-history.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

export function sessionRun(changes: Partial<SessionRun> = {}): SessionRun {
  return {
    workspace: 'default',
    session_id: SESSION,
    run: 1,
    title: 'Mend the build',
    session_type: 'execution',
    priority: 'medium',
    status: 'completed',
    attempts: 1,
    agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
    agent_name: 'AGENT-LOCAL',
    started_at: '2026-11-22T15:04:05.678Z',
    ended_at: '2026-11-22T15:05:06.789Z',
    active_ms: 61_111,
    usage: {
      turns: 2,
      input_tokens: 5_000_000_000,
      output_tokens: 48,
      reasoning_tokens: 0,
      cache_read_tokens: 7,
      cache_write_tokens: 9,
      cost_usd: 0.005_612_345_678_9,
      unpriced_turns: 1,
    },
    error_code: null,
    ...changes,
  };
}

/** The contract of every implementation of the run history. All calls of `make` may return the same one. */
export function runHistoryContract(make: () => RunHistory): void {
  const workspace = () => `history-${crypto.randomUUID()}`;

  it('returns a run unchanged', async () => {
    const run = sessionRun({ workspace: workspace() });
    await make().record(run);
    expect(await make().runsOf(run.workspace, SESSION)).toEqual([run]);
  });

  it('keeps unknown members as null, and text unchanged', async () => {
    const nothing = { agent_id: null, agent_name: null, started_at: null };
    const run = sessionRun({ ...nothing, workspace: workspace(), title: `'; -- “é”\n🙂`, error_code: 'tampering' });
    await make().record(run);
    expect(await make().runsOf(run.workspace, SESSION)).toEqual([run]);
  });

  it('accepts a run whose title has a character that Postgres rejects', async () => {
    const run = sessionRun({ workspace: workspace(), title: 'a\u0000b' });
    await make().record(run);
    expect((await make().runsOf(run.workspace, SESSION)).map(({ title }) => title.replace('\u0000', ''))).toEqual([
      'ab',
    ]);
  });

  it('keeps the first version of a run that is recorded twice', async () => {
    const run = sessionRun({ workspace: workspace() });
    await make().record(run);
    await Promise.all([run, { ...run, title: 'Another' }].map((again) => make().record(again)));
    expect(await make().runsOf(run.workspace, SESSION)).toEqual([run]);
  });

  it('lists the runs of a session oldest first, for every order of arrival', async () => {
    const name = workspace();
    for (const run of [3, 1, 10, 2]) await make().record(sessionRun({ workspace: name, run }));
    expect((await make().runsOf(name, SESSION)).map(({ run }) => run)).toEqual([1, 2, 3, 10]);
  });

  it('separates workspaces and sessions', async () => {
    const [mine, theirs] = [workspace(), workspace()];
    const other = SESSION.replace('0198', '0199');
    await make().record(sessionRun({ workspace: mine }));
    await make().record(sessionRun({ workspace: mine, session_id: other, title: 'Other session' }));
    await make().record(sessionRun({ workspace: theirs, title: 'Other workspace' }));
    expect((await make().runsOf(mine, SESSION)).map(({ title }) => title)).toEqual(['Mend the build']);
    expect(await make().runsOf(theirs, other)).toEqual([]);
  });
}
