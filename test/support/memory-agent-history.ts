import type { AgentHistory, AgentRecord, AgentRun } from '../../src/ports/agent-history.ts';

/** Agents and their assignments in memory. */
export class MemoryAgentHistory implements AgentHistory {
  readonly #agents = new Map<string, AgentRecord>();
  readonly #runs = new Map<string, AgentRun>();

  async recordAgent(agent: AgentRecord): Promise<void> {
    const key = `${agent.workspace}/${agent.agent_id}`;
    if ((this.#agents.get(key)?.rev ?? -1) < agent.rev) this.#agents.set(key, structuredClone(agent));
  }

  async recordRun(run: AgentRun): Promise<void> {
    const key = `${run.workspace}/${run.task_id}/${run.epoch}`;
    const known = this.#runs.get(key);
    if (!known) this.#runs.set(key, structuredClone(run));
    else if (known.ratings < run.ratings) this.#runs.set(key, { ...known, quality: run.quality, ratings: run.ratings });
  }

  async agent(workspace: string, agentId: string): Promise<AgentRecord | null> {
    return structuredClone(this.#agents.get(`${workspace}/${agentId}`) ?? null);
  }

  async runsOfAgent(workspace: string, agentId: string): Promise<AgentRun[]> {
    const keyOf = ({ ended_at, task_id, epoch }: AgentRun) =>
      `${ended_at}/${task_id}/${String(epoch).padStart(9, '0')}`;
    return [...this.#runs.values()]
      .filter((run) => run.workspace === workspace && run.agent_id === agentId)
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      .map((run) => structuredClone(run));
  }
}
