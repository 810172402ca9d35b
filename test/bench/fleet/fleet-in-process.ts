import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import { sessionIdFrom, taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { ANY } from '../../support/requirements.ts';
import { CountingPlatform } from '../counting-platform.ts';

/** The most agents that one token registers. */
export const AGENTS_OF_TOKEN = 1_000;
/** What the agents of the fleet differ in. */
export const LABELS = [['os=linux'], ['os=linux', 'gpu=true'], ['os=macos'], ['os=linux', 'memory_gb=64']];
const TYPES = ['implementer', 'reviewer'] as const;
/** What a third of the requests each demand. */
const DEMANDS: Partial<Requirements>[] = [
  {},
  { required_labels: ['os=linux'] },
  { required_labels: ['memory_gb>=32'] },
];
const TASKS_OF_SESSION = 5;

/** A fleet with connected agents on the real registry, in this process, on SQLite in memory. */
export class FleetInProcess {
  readonly platform = new CountingPlatform();
  readonly registry = new RegistryInProcess({ platform: this.platform });
  #requests = 0;

  /** @param capacity of each agent */
  constructor(agents: number, capacity: number) {
    for (let number = 0; number < agents; number++) this.#join(number, capacity);
  }

  /** A request that some agents can take. */
  request(): SlotRequest {
    return this.#next(DEMANDS[this.#requests % DEMANDS.length]!);
  }

  /** A request that no agent can take. There are a hundred kinds of them. */
  hopeless(): SlotRequest {
    return this.#next({ required_labels: [`site=${this.#requests % 100}`] });
  }

  #next(requirements: Partial<Requirements>): SlotRequest {
    const number = this.#requests++;
    const session = sessionIdFrom(sixBytes(Math.floor(number / TASKS_OF_SESSION)), sixBytes(0));
    return {
      session_id: session,
      task_id: taskIdOf(session, (number % TASKS_OF_SESSION) + 1),
      epoch: 1,
      priority: (['high', 'medium', 'low'] as const)[number % 3]!,
      requirements: { ...ANY, ...requirements },
      proof_key: 'k'.repeat(43),
    };
  }

  #join(number: number, capacity: number): void {
    const id = `${String(number).padStart(8, '0')}-8a52-4f0c-9d0b-0d6f3a1b2c3d`;
    this.registry.connect(id, `token ${Math.floor(number / AGENTS_OF_TOKEN)}`).send({
      ...{ type: 'hello', name: `AGENT-${number}`, instance_id: id, capacity, version: 'bench', leases: [] },
      ...{ agent_type: TYPES[number % TYPES.length], labels: LABELS[number % LABELS.length] },
      ...{ capabilities: ['code_generation', 'testing'], remotes: ['example.com/shop'], repository: 'b'.repeat(40) },
      model: null,
    });
  }
}

function sixBytes(value: number): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, index) => Math.floor(value / 256 ** (5 - index)) % 256);
}
