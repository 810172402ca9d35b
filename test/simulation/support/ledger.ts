import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { ProcessClock, World } from './world.ts';

/** The actions of an agent under one claim of an epoch, which the session's log is compared with. */
export class LeaseRecord {
  readonly host: string;
  readonly epoch: number;
  /** All reported frames, in order: frame n is at n - 1. */
  readonly reported: AgentFrameBody[] = [];
  /** The numbers of the messages that the work received, in order. */
  readonly messages: number[] = [];
  /** The first message that the work must receive. Earlier ones are done in a checkpoint. */
  firstMessage = 1;
  isGranted = false;
  isQuiet = false;
  wasQuiet = false;
  isDead = false;
  /** How the stream ended; null while it is open. */
  end: string | null = null;
  readonly #world: World;
  readonly #clock: ProcessClock;

  constructor(world: World, host: string, epoch: number, clock: ProcessClock) {
    this.#world = world;
    this.host = host;
    this.epoch = epoch;
    this.#clock = clock;
  }

  get isOver(): boolean {
    return this.end !== null;
  }

  /** Whether its process acts on the lease now. */
  get isActing(): boolean {
    return this.isGranted && !this.isQuiet && !this.isOver && !this.isDead && !this.#clock.isFrozen;
  }

  setQuiet(isQuiet: boolean): void {
    this.#world.note(`${this.host}, epoch ${this.epoch}: ${isQuiet ? 'quiet' : 'alive'}`);
    this.isQuiet = isQuiet;
    this.wasQuiet ||= isQuiet;
  }

  over(how: string): void {
    this.#world.note(`${this.host}, epoch ${this.epoch}: over (${how})`);
    this.end = how;
  }
}

/** The epochs of two agents that acted at the same time: the older and the newer one. */
export interface Overlap {
  older: LeaseRecord;
  newer: LeaseRecord;
}

/** The claims of all agents. */
export class Ledger {
  readonly records: LeaseRecord[] = [];
  readonly overlaps: Overlap[] = [];
  /** By epoch: the highest number that the session has acknowledged. */
  readonly acknowledged = new Map<number, number>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  open(host: string, epoch: number, clock: ProcessClock): LeaseRecord {
    const record = new LeaseRecord(this.#world, host, epoch, clock);
    this.records.push(record);
    return record;
  }

  granted(record: LeaseRecord): void {
    this.#world.note(`${record.host}, epoch ${record.epoch}: granted`);
    record.isGranted = true;
    const others = this.records.filter((other) => other !== record && other.isActing);
    for (const older of others) this.overlaps.push({ older, newer: record });
  }

  /** A later process has delivered the frames of a killed one. */
  delivered(host: string, epoch: number, how: string): void {
    const record = this.records.find((one) => one.host === host && one.epoch === epoch && one.isDead);
    if (record) record.end = how;
  }

  /** The session has acknowledged the frames of an epoch up to the n-th. */
  acknowledge(epoch: number, n: number): void {
    this.acknowledged.set(epoch, Math.max(n, this.acknowledged.get(epoch) ?? 0));
  }

  isGranted(epoch: number): boolean {
    return this.records.some((record) => record.epoch === epoch && record.isGranted);
  }
}
