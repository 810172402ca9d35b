import type { SessionParts } from '../parts.ts';

/** An epoch that was handed out to an agent. It stays after the lease, for reports that are late or come again. */
export interface HandOut {
  agent_id: string;
  epoch: number;
  agent_name: string;
  repository: string | null;
  /** The last message that the agent was given with it. */
  messages_last: number;
  /** Whether the agent has taken the lease. */
  taken: boolean;
  /** Whether the agent merges works. */
  can_merge?: boolean;
  /** How the agent has ended the lease: by the result with this digest, or otherwise. */
  ended?: { result: string } | 'conflict' | 'released';
}

/** The hand-outs of a task that are known. An agent whose hand-out is forgotten claims again. */
const MAX_HAND_OUTS = 50;

/** The hand-outs of tasks to agents without sockets. */
export class HandOuts {
  readonly #records: SessionParts['records'];

  constructor({ records }: Pick<SessionParts, 'records'>) {
    this.#records = records;
  }

  find(task: number, { agent_id, epoch }: Pick<HandOut, 'agent_id' | 'epoch'>): HandOut | undefined {
    return this.#of(task).find((known) => known.epoch === epoch && known.agent_id === agent_id);
  }

  /** Adds a hand-out, or replaces what is known of it. Must run inside a transaction. */
  put(task: number, handOut: HandOut): void {
    const { agent_id, epoch } = handOut;
    const others = this.#of(task).filter((known) => known.agent_id !== agent_id || known.epoch !== epoch);
    const all = [...others, handOut].slice(-MAX_HAND_OUTS);
    this.#records.updateTask(task, { handed_out: JSON.stringify(all) });
  }

  #of(task: number): HandOut[] {
    return JSON.parse(this.#records.task(task)?.handed_out ?? '[]') as HandOut[];
  }
}
