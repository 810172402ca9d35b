import type { ControlDown } from '../../../../src/protocol/agent/control-socket.ts';
import { sessionOfTask, taskNumber } from '../../../../src/protocol/common/ids.ts';
import type { FakeClient } from '../../../support/fake-socket.ts';
import { hello } from '../../../unit/ports/agent-registry.fixture.ts';
import { uuidOf } from '../../../unit/session/fake-agent.ts';
import type { World } from '../world.ts';
import { FleetLease } from './fleet-lease.ts';
import { type FleetObjects, REPOSITORY_KEY } from './fleet-objects.ts';
import type { SimulatedAgent } from './simulated-agent.ts';

const REPOSITORY = 'root-commit';
/** The token of all agents. */
const TOKEN = 'agent-token';

/** An agent: processes that run one after the other, with a control socket and leases, as `runner/agent.ts`. */
export class FleetAgent implements SimulatedAgent {
  readonly id: string;
  readonly name: string;
  readonly capacity: number;
  /** The leases and claimed offers of this process, and what earlier ones left, by `<task id>/<epoch>`. */
  readonly leases = new Map<string, FleetLease>();
  /** All leases that it ever claimed. */
  readonly past: FleetLease[] = [];
  isRunning = false;
  /** Whether it may refuse work, which its process then never gets again. */
  mayRefuse = true;
  readonly #world: World;
  readonly #fleet: FleetObjects;
  readonly #count: (what: string) => void;
  #control: FakeClient | null = null;
  #instanceId = '';
  #processes = 0;

  constructor(name: string, capacity: number, world: World, fleet: FleetObjects, count: (what: string) => void) {
    this.name = name;
    this.id = uuidOf(name);
    this.capacity = capacity;
    this.#world = world;
    this.#fleet = fleet;
    this.#count = count;
  }

  /** Whether it is running and has an open control socket. */
  get isConnected(): boolean {
    return this.isRunning && this.#control !== null && this.#control.closedBy === null;
  }

  get instanceId(): string {
    return this.#instanceId;
  }

  /** Starts a process, which first delivers what earlier ones left on the disk. */
  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.#instanceId = uuidOf(`${this.name} process ${++this.#processes}`);
  }

  /** Kills the process. Its sockets are closed, or nobody notices. */
  kill(isNoticed: boolean): void {
    this.isRunning = false;
    this.cut(isNoticed);
    for (const [key, lease] of this.leases) {
      if (lease.granted && !lease.over) lease.leave();
      else this.leases.delete(key);
    }
  }

  /** Breaks all its connections. @param isNoticed whether the objects get close events */
  cut(isNoticed: boolean): void {
    for (const lease of this.leases.values()) {
      if (isNoticed) lease.client?.close(1006);
      lease.client = null;
    }
    if (isNoticed) this.#control?.close(1006);
    this.#control = null;
  }

  /** Its sockets at an object end without a close event, because that object's host has gone. */
  lost(object: object): void {
    if (object === this.#fleet.registry) {
      this.#control?.vanish();
      this.#control = null;
    }
    for (const lease of this.leases.values()) {
      if (this.#sessionOf(lease.task_id) !== object) continue;
      lease.client?.vanish();
      lease.client = null;
    }
  }

  ping(): void {
    if (!this.isRunning) return;
    if (this.#control && !this.#control.closedBy) this.#control.ping();
    for (const lease of this.leases.values()) lease.ping();
  }

  /** Connects what is not connected, reads what has arrived, and works. */
  tick(): void {
    if (!this.isRunning) return;
    this.#readControl();
    if (!this.isRunning) return;
    this.#connect();
    this.#readControl();
    for (const [key, lease] of this.leases) {
      lease.read();
      if (!lease.client && !lease.over) this.#claim(lease);
      lease.read();
      lease.work(this.mayRefuse);
      if (lease.over) this.#over(key, lease);
    }
  }

  #connect(): void {
    if (this.#control?.closedBy) this.#control = null;
    const { registry } = this.#fleet;
    if (this.#control || this.#fleet.isAway(registry)) return;
    this.#control = registry.registry.connect(this.id, TOKEN);
    const leases = [...this.leases.values()]
      .filter((lease) => lease.granted && !lease.isLeftover)
      .map(({ task_id, epoch }) => ({ task_id, epoch }));
    const { name, capacity } = this;
    this.#send(
      hello({
        name,
        capacity,
        instance_id: this.#instanceId,
        repository: REPOSITORY,
        remotes: [REPOSITORY_KEY],
        leases,
      }),
    );
  }

  #readControl(): void {
    for (const frame of this.#control?.take<ControlDown>() ?? []) {
      if (frame.type === 'offer') this.#offered(frame);
      else if (frame.type === 'cancel') {
        const lease = this.leases.get(`${frame.task_id}/${frame.epoch}`);
        // Only its session ends a granted lease.
        if (lease && !lease.granted) lease.over = 'abandoned';
      } else if (frame.type === 'superseded' && frame.removed) return this.#removed();
    }
    if (this.#control?.closedBy) this.#control = null;
  }

  /** The process of a removed agent ends. People start it again, and it registers anew. */
  #removed(): void {
    this.#count('removed');
    this.#world.note(`${this.name} was removed`);
    this.kill(true);
    this.#world.in(this.#world.between(1_000, 60_000), () => this.start());
  }

  #offered(offer: Extract<ControlDown, { type: 'offer' }>): void {
    const { task_id, epoch } = offer;
    const key = `${task_id}/${epoch}`;
    const known = this.leases.get(key);
    if (known) {
      if (known.granted && !known.over) this.#send({ type: 'accepted', task_id, epoch });
      return;
    }
    const others = [...this.leases.values()].filter((lease) => !lease.isLeftover);
    for (const lease of others) if (lease.task_id === task_id && lease.epoch < epoch) lease.over = 'abandoned';
    const taken = others.filter((lease) => !lease.over).length;
    if (taken >= this.capacity || this.#world.chance(0.05)) {
      this.#send({ type: 'declined', task_id, epoch, reason: 'no capacity' });
      return;
    }
    const agent = { id: this.id, name: this.name, instanceId: this.#instanceId };
    const lease = new FleetLease(this.#world, offer, agent, uuidOf(`${key} of ${this.#instanceId}`));
    this.leases.set(key, lease);
    this.past.push(lease);
  }

  #claim(lease: FleetLease): void {
    const session = this.#sessionOf(lease.task_id);
    if (!session || this.#fleet.isAway(session)) return;
    const wasGranted = lease.granted;
    lease.claim(session.session.openRun(lease.epoch, TOKEN, taskNumber(lease.task_id)), REPOSITORY);
    lease.read();
    if (lease.next) this.#count('heard of the next task later');
    if (!lease.granted || wasGranted) return;
    this.#count('granted');
    this.#send({ type: 'accepted', task_id: lease.task_id, epoch: lease.epoch });
  }

  #over(key: string, lease: FleetLease): void {
    const { task_id, epoch, over, isLeftover } = lease;
    this.#count(`over: ${over}`);
    this.#world.note(`${this.name}: ${task_id.slice(19)} epoch ${epoch} is over (${over})`);
    this.leases.delete(key);
    if (lease.next) this.#goOn(lease, lease.next);
    else if (!isLeftover) this.#send({ type: 'ended', task_id, epoch });
  }

  /** The slot of a lease has passed on to the next task, also if a process was killed that never knew. */
  #goOn({ agent, isLeftover }: FleetLease, next: NonNullable<FleetLease['next']>): void {
    const { assignment, stream_id } = next.given;
    const { task_id, epoch } = assignment;
    const key = `${task_id}/${epoch}`;
    if (this.leases.has(key)) return;
    this.#count(isLeftover ? 'passed on to a killed process' : 'passed on');
    const lease = new FleetLease(this.#world, { task_id, epoch, proof: '' }, agent, stream_id);
    lease.isLeftover = isLeftover;
    this.leases.set(key, lease);
    this.past.push(lease);
    lease.follow(next);
  }

  #sessionOf(task_id: string) {
    return this.#fleet.sessions.find(({ id }) => id === sessionOfTask(task_id));
  }

  /** If the object throws, its shell closes the socket, and nothing was stored. */
  #send(frame: object): void {
    if (!this.#control || this.#control.closedBy) return;
    try {
      this.#control.send(frame);
    } catch {
      this.#control.close(1011);
      this.#control = null;
    }
  }
}
