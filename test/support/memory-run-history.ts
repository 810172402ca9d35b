import type { RunHistory, SessionRun } from '../../src/ports/run-history.ts';

/** Finished runs in memory. */
export class MemoryRunHistory implements RunHistory {
  readonly #runs = new Map<string, SessionRun>();

  async record(run: SessionRun): Promise<void> {
    const key = `${run.workspace}/${run.session_id}/${run.run}`;
    if (!this.#runs.has(key)) this.#runs.set(key, structuredClone(run));
  }

  async runsOf(workspace: string, sessionId: string): Promise<SessionRun[]> {
    return [...this.#runs.values()]
      .filter((run) => run.workspace === workspace && run.session_id === sessionId)
      .sort((a, b) => a.run - b.run)
      .map((run) => structuredClone(run));
  }
}
