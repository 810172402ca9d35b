import { expect, it } from 'vitest';
import type { AgentHistory, AgentRecord, AgentRun } from '../../../src/ports/agent-history.ts';

export const AGENT = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
const TASK = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';

export function agentRecord(changes: Partial<AgentRecord> = {}): AgentRecord {
  return {
    workspace: 'default',
    agent_id: AGENT,
    rev: 1_768_000_000_000,
    name: 'AGENT-BUILD-01',
    agent_type: 'implementer',
    capabilities: ['code_generation', 'testing'],
    labels: ['gpu=true'],
    preferred_technologies: ['typescript'],
    max_concurrent_capacity: 5,
    model: 'demo/scripted',
    cost_per_token_usd: 0.000_001_5,
    repository: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
    remotes: ['github.com/acme/web'],
    version: '0.1.0',
    performance_tier: 'competent',
    changed_at: '2026-11-22T15:04:05.678Z',
    removed_at: null,
    ...changes,
  };
}

export function agentRun(changes: Partial<AgentRun> = {}): AgentRun {
  return {
    workspace: 'default',
    task_id: TASK,
    epoch: 1,
    session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
    agent_id: AGENT,
    agent_name: 'AGENT-BUILD-01',
    session_type: 'execution',
    capabilities: ['testing'],
    status: 'completed',
    own_fault: false,
    started_at: '2026-11-22T15:04:05.678Z',
    ended_at: '2026-11-22T15:05:06.789Z',
    duration_ms: 61_111,
    cost_usd: 0.005_612_345_678_9,
    quality: null,
    ratings: 0,
    ...changes,
  };
}

/** The contract of every implementation of the agents' history. All calls of `make` may return the same one. */
export function agentHistoryContract(make: () => AgentHistory): void {
  const workspace = () => `history-${crypto.randomUUID()}`;

  it('returns an agent and an assignment unchanged', async () => {
    const name = workspace();
    await make().recordAgent(agentRecord({ workspace: name }));
    await make().recordRun(agentRun({ workspace: name }));
    expect(await make().agent(name, AGENT)).toEqual(agentRecord({ workspace: name }));
    expect(await make().runsOfAgent(name, AGENT)).toEqual([agentRun({ workspace: name })]);
  });

  it('keeps unknown members as null, empty lists as such, and text unchanged', async () => {
    const nothing = { model: null, cost_per_token_usd: null, repository: null, version: null };
    const awkward = [`'; -- “é”\n🙂`, 'a"b', 'back\\slash', '{1,2}', 'NULL', ' space '];
    const lists = { capabilities: [], preferred_technologies: [], labels: awkward, remotes: awkward };
    const agent = agentRecord({ workspace: workspace(), ...nothing, ...lists });
    await make().recordAgent(agent);
    expect(await make().agent(agent.workspace, AGENT)).toEqual(agent);
    const run = agentRun({ workspace: agent.workspace, capabilities: [], status: 'failed', own_fault: true });
    await make().recordRun(run);
    expect(await make().runsOfAgent(run.workspace, AGENT)).toEqual([run]);
  });

  it('keeps the newest revision of an agent, for every order of arrival, also after its removal', async () => {
    const revisions = [
      agentRecord({ rev: 1 }),
      agentRecord({ rev: 2, labels: ['gpu=false'], performance_tier: 'elite' }),
      agentRecord({ rev: 3, removed_at: '2026-11-23T00:00:00.000Z', changed_at: '2026-11-23T00:00:00.000Z' }),
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0, 2],
    ]) {
      const name = workspace();
      for (const index of order) await make().recordAgent({ ...revisions[index]!, workspace: name });
      expect(await make().agent(name, AGENT)).toEqual({ ...revisions[2], workspace: name });
    }
    const again = agentRecord({ workspace: workspace(), rev: 4, name: 'AGENT-AGAIN' });
    await make().recordAgent({ ...revisions[2]!, workspace: again.workspace });
    await make().recordAgent(again);
    expect(await make().agent(again.workspace, AGENT)).toEqual(again);
  });

  it('keeps the first version of an assignment with the newest rating, for every order of arrival', async () => {
    const first = agentRun();
    const rated = agentRun({ quality: 0.4, ratings: 1 });
    const again = agentRun({ quality: 1, ratings: 2 });
    for (const order of [
      [first, rated, again],
      [again, rated, first],
      [rated, first, again, rated],
    ]) {
      const name = workspace();
      for (const run of order) await make().recordRun({ ...run, workspace: name });
      expect(await make().runsOfAgent(name, AGENT)).toEqual([{ ...again, workspace: name }]);
    }
  });

  it('stores an assignment once that several deliveries bring at the same time', async () => {
    const run = agentRun({ workspace: workspace() });
    await Promise.all([1, 2, 3].map(() => make().recordRun(run)));
    expect(await make().runsOfAgent(run.workspace, AGENT)).toEqual([run]);
  });

  it('lists the assignments of an agent in the order in which they ended', async () => {
    const name = workspace();
    const at = (epoch: number) => agentRun({ workspace: name, epoch, ended_at: `2026-11-22T15:00:0${epoch}.000Z` });
    for (const epoch of [3, 1, 2]) await make().recordRun(at(epoch));
    expect((await make().runsOfAgent(name, AGENT)).map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it('separates workspaces and agents', async () => {
    const [mine, theirs] = [workspace(), workspace()];
    const other = AGENT.replace('3f0e', '4f0e');
    for (const name of [mine, theirs]) {
      await make().recordAgent(agentRecord({ workspace: name, name: `AGENT-${name.toUpperCase()}` }));
      await make().recordRun(agentRun({ workspace: name, agent_name: name }));
    }
    await make().recordRun(agentRun({ workspace: mine, agent_id: other, epoch: 2 }));
    expect((await make().agent(mine, AGENT))?.name).toBe(`AGENT-${mine.toUpperCase()}`);
    expect((await make().runsOfAgent(mine, AGENT)).map(({ agent_name }) => agent_name)).toEqual([mine]);
    expect(await make().agent(theirs, other)).toBeNull();
    expect(await make().runsOfAgent(theirs, other)).toEqual([]);
  });
}
