import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Offeree } from '../../../durable-objects/kit/crypto/offer-proof.ts';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { LeaseStream } from '../../../runner/lease/lease-stream.ts';
import { deliverBufferedFrames } from '../../../runner/lease/recovery.ts';
import { RunSockets } from '../../../runner/lease/run-sockets.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import { uuidOf } from '../../unit/session/fake-agent.ts';
import { TASK_ID } from '../../unit/session/harness.ts';
import type { LeaseRecord, Ledger } from './ledger.ts';
import type { Network } from './network.ts';
import { SimulatedWork } from './simulated-work.ts';
import { ProcessClock, type World } from './world.ts';

const REPOSITORY = 'root-commit';

/** One process of an agent: one lease at a time, and the delivery of frames that earlier processes left. */
interface Process {
  instanceId: string;
  clock: ProcessClock;
  recovery: { close(): void };
  lease: { record: LeaseRecord; stream: LeaseStream } | null;
}

/** A machine with a disk, on which processes of one agent run one after the other. */
export class AgentHost {
  readonly name: string;
  readonly #world: World;
  readonly #network: Network;
  readonly #ledger: Ledger;
  readonly #directory: string;
  readonly #rate: number;
  #process: Process | null = null;
  #processes = 0;

  constructor(name: string, network: Network, ledger: Ledger, disk: string) {
    this.name = name;
    this.#network = network;
    this.#world = network.world;
    this.#ledger = ledger;
    this.#directory = join(disk, name);
    mkdirSync(this.#directory, { recursive: true });
    this.#rate = this.#world.between(0.98, 1.02);
  }

  /** Whether it would accept an offer of this epoch. */
  takes(epoch: number): boolean {
    const { clock, lease } = this.#process ?? {};
    return clock !== undefined && !clock.isFrozen && (!lease || lease.record.isOver || lease.record.epoch < epoch);
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  /** The buffers on its disk. */
  get buffers(): string[] {
    return readdirSync(this.#directory);
  }

  /** Starts a process, which first delivers the frames that earlier processes left on the disk. */
  start(): void {
    if (this.#process) return;
    this.#processes += 1;
    const clock = new ProcessClock(this.#world, this.#rate, this.#world.between(0, 1e9));
    this.#world.note(`${this.name} starts process ${this.#processes}`);
    this.#process = {
      instanceId: uuidOf(`${this.name} process ${this.#processes}`),
      clock,
      recovery: deliverBufferedFrames(
        this.#directory,
        REPOSITORY,
        this.#network.from(this.name, clock),
        { saved: () => undefined, deleted: () => undefined },
        (line) => this.#log(line),
        clock,
      ),
      lease: null,
    };
  }

  #log(line: string): void {
    this.#world.note(`${this.name}: ${line}`);
    const delivered = /^delivered .*, epoch (\d+): (\w+)$/.exec(line);
    if (delivered) this.#ledger.delivered(this.name, Number(delivered[1]), String(delivered[2]));
  }

  /** SIGKILL: sent messages may still arrive, files stay on the disk, and the process does nothing more. */
  kill(): void {
    if (!this.#process) return;
    this.#world.note(`${this.name} is killed`);
    const { clock, recovery, lease } = this.#process;
    clock.kill();
    // The system closes a dead process's files.
    recovery.close();
    lease?.stream.close();
    if (lease && !lease.record.isOver) lease.record.isDead = true;
    this.#process = null;
    this.#network.cut(
      (link) => link.host === this.name,
      () => ({ agentHears: false, sessionHears: this.#world.chance(0.7) }),
    );
  }

  freeze(ms: number): void {
    const frozen = this.#process;
    if (!frozen) return;
    this.#world.note(`${this.name} freezes for ${Math.round(ms)} ms`);
    frozen.clock.freeze();
    this.#world.in(ms, () => frozen.clock.thaw());
  }

  /** The registry offers an epoch. The agent claims it and ends its lease of an older epoch. */
  offer(epoch: number, proofFor: (agent: Omit<Offeree, 'token_id'>) => string): void {
    const process = this.#process;
    if (!process || !this.takes(epoch)) return;
    if (process.lease && !process.lease.record.isOver) {
      process.lease.stream.discard();
      process.lease.record.over('superseded');
    }
    this.#world.note(`${this.name} is offered epoch ${epoch}`);
    const agent = { agent_id: uuidOf(this.name), agent_name: this.name, instance_id: process.instanceId };
    const proof = proofFor({ ...agent, repository: REPOSITORY });
    const buffer = FrameBuffer.create(this.#directory, { task_id: TASK_ID, epoch, ...agent, proof });
    const record = this.#ledger.open(this.name, epoch, process.clock);
    const work = new SimulatedWork(this.#world, process.clock, record, (body) => stream.append(body));
    const events = {
      granted: (assignment: Assignment) => {
        this.#ledger.granted(record);
        work.begin(assignment);
      },
      command: work.command,
      quiet: () => record.setQuiet(true),
      alive: () => record.setQuiet(false),
      full: (error: Error) => {
        throw error;
      },
      passed: () => undefined,
      over: (how: string) => record.over(how),
    };
    const stream = new LeaseStream(
      buffer,
      { repository: REPOSITORY, can_merge: true },
      new RunSockets(this.#network.from(this.name, process.clock), null, process.clock),
      events,
      process.clock,
    );
    process.lease = { record, stream };
  }
}
