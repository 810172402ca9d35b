import type { AgentRun } from '../../../src/ports/agent-history.ts';
import type { AgentRegistryApi, SlotPass, SlotRequest, SlotState } from '../../../src/ports/agent-registry.ts';
import type { DirectoryApi, DirectoryEntry } from '../../../src/ports/directory.ts';
import type { SessionRun } from '../../../src/ports/run-history.ts';

/** The other stores to which a session delivers, with all deliveries so far. */
export class FakeDestinations {
  /** By `task:epoch`: the session's last call on each slot. */
  readonly slots = new Map<string, 'reserved' | 'cancelled' | 'released'>();
  /** By `task:epoch`: the agent without a socket that has accepted. */
  readonly accepted = new Map<string, string>();
  readonly requests: SlotRequest[] = [];
  readonly passes: SlotPass[] = [];
  /** For how long slots may pass on, as the registry says. */
  passMs = 0;
  readonly runs = new Map<string, SessionRun>();
  readonly assignments: AgentRun[] = [];
  entry: DirectoryEntry | null = null;
  isListed = false;
  /** The registry's response to a reservation. */
  slotState: SlotState = { state: 'queued', place: 1 };
  /** The stores that are unreachable. */
  away: { registry?: boolean; directory?: boolean; history?: boolean } = {};
  readonly registry: AgentRegistryApi;
  readonly directory: DirectoryApi;

  constructor() {
    const word = (said: 'cancelled' | 'released') => async (task: string, epoch: number) => {
      this.#reach('registry');
      this.slots.set(`${task}:${epoch}`, said);
    };
    const unused = async () => {
      throw new Error('a session never asks this');
    };
    this.registry = {
      reserve: async (request) => {
        this.#reach('registry');
        this.requests.push(request);
        const key = `${request.task_id}:${request.epoch}`;
        if (!this.slots.has(key)) this.slots.set(key, 'reserved');
        return this.slotState;
      },
      cancel: word('cancelled'),
      release: word('released'),
      accept: async (task, epoch, agentId) => {
        this.#reach('registry');
        this.accepted.set(`${task}:${epoch}`, agentId);
      },
      pass: async (pass) => {
        this.#reach('registry');
        this.passes.push(pass);
        this.slots.set(`${pass.from.task_id}:${pass.from.epoch}`, 'released');
        this.slots.set(`${pass.request.task_id}:${pass.request.epoch}`, 'reserved');
        return { pass_ms: this.passMs };
      },
      claim: unused,
      heartbeat: unused,
      agents: unused,
      places: unused,
      agent: unused,
      acquireLock: unused,
      renewLock: unused,
      releaseLock: unused,
      readLock: unused,
      isOwnToken: unused,
      route: unused,
      rebalance: unused,
      statistics: unused,
      performance: unused,
      register: unused,
      update: unused,
      drain: unused,
      resume: unused,
      deregister: unused,
      closeSockets: unused,
    };
    this.directory = {
      put: async (entry) => {
        this.#reach('directory');
        if (this.entry && entry.rev <= this.entry.rev) return;
        this.entry = entry;
        this.isListed = true;
      },
      remove: async () => {
        this.#reach('directory');
        this.isListed = false;
      },
      list: unused,
    };
  }

  readonly history = {
    record: async (run: SessionRun) => {
      this.#reach('history');
      const key = `${run.session_id}:${run.run}`;
      // As in Postgres, the first record of a run stays.
      if (!this.runs.has(key)) this.runs.set(key, run);
    },
    runsOf: async () => [...this.runs.values()],
    recordRun: async (run: AgentRun) => {
      this.#reach('history');
      this.assignments.push(run);
    },
  };

  #reach(name: 'registry' | 'directory' | 'history'): void {
    if (this.away[name]) throw new Error(`the ${name} cannot be reached`);
  }
}
