import { NOT_THE_HOLDER } from '../../../../src/domain/lease/claim.ts';
import type { ControlDown } from '../../../../src/protocol/agent/control-socket.ts';
import type { Assignment, Command } from '../../../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../../../src/protocol/run/frames.ts';
import type { RunDown } from '../../../../src/protocol/run/run-socket.ts';
import type { FakeClient } from '../../../support/fake-socket.ts';
import { asked, checkpoint, note, released, result } from '../../../unit/session/fake-agent.ts';
import { TTL_MS } from '../../../unit/session/harness.ts';
import type { World } from '../world.ts';

type Offer = Extract<ControlDown, { type: 'offer' }>;
type Next = NonNullable<Extract<RunDown, { type: 'ended' }>['next']>;

/** The agent stops acting when it has heard nothing for this long. */
const QUIET_MS = TTL_MS - 15_000;

/** A lease of an agent, or an offer that it claims. It numbers frames, and keeps them until they are acknowledged. */
export class FleetLease {
  readonly task_id: string;
  readonly epoch: number;
  readonly agent: { id: string; name: string; instanceId: string };
  /** The proof of the offer. */
  readonly #proof: string;
  /** All notes that it reported, by the number of their frame. */
  readonly notes = new Map<number, string>();
  client: FakeClient | null = null;
  granted = false;
  /** How it ended. */
  over: RunDown['type'] | 'abandoned' | null = null;
  /** The lease to which its slot has passed on, and what has arrived on its socket since. */
  next: { given: Next; client: FakeClient; rest: RunDown[] } | null = null;
  acked = 0;
  /** How many of its messages were refused, because it did not hold the lease any more. */
  refused = 0;
  /** A later process of the agent delivers its frames and gives it back. */
  isLeftover = false;
  readonly #world: World;
  readonly #streamId: string;
  readonly #commands = new Map<number, Command>();
  readonly #queue: number[] = [];
  readonly #asks = new Set<string>();
  #buffer: { n: number; body: AgentFrameBody }[] = [];
  #head = 0;
  #accepted = false;
  #heardAt: number;
  #done = 0;
  #last = 0;
  #hasReported = 0;
  #leaving: 'paused' | 'stopped' | null = null;
  #hasLeft = false;

  constructor(
    world: World,
    { task_id, epoch, proof }: Pick<Offer, 'task_id' | 'epoch' | 'proof'>,
    agent: FleetLease['agent'],
    streamId: string,
  ) {
    this.#world = world;
    this.task_id = task_id;
    this.epoch = epoch;
    this.#proof = proof;
    this.agent = agent;
    this.#streamId = streamId;
    this.#heardAt = world.now;
  }

  /** Claims the lease on a new run socket. */
  claim(client: FakeClient, repository: string | null): void {
    this.client = client;
    this.#accepted = false;
    const { id, name, instanceId } = this.agent;
    const claim = { agent_id: id, agent_name: name, instance_id: instanceId, stream_id: this.#streamId };
    this.#send({ type: 'present', ...claim, head: this.#head, repository, proof: this.#proof, shared: true });
  }

  /** The process ends. What is on its disk is delivered by the next one. */
  leave(): void {
    this.isLeftover = true;
    this.client = null;
  }

  ping(): void {
    if (!this.client || this.client.closedBy) return;
    this.client.ping();
    this.#heardAt = this.#world.now;
  }

  /** Reads what has arrived. A socket that the session has closed is gone. */
  read(): void {
    this.#read(this.client?.take<RunDown>() ?? []);
    if (this.client?.closedBy) this.client = null;
  }

  #read(frames: readonly RunDown[]): void {
    for (const [index, frame] of frames.entries()) {
      this.#heardAt = this.#world.now;
      if (frame.type === 'ended' && frame.next) {
        this.over = 'ended';
        this.next = { given: frame.next, client: this.client!, rest: frames.slice(index + 1) };
        this.client = null;
        return;
      }
      if (frame.type === 'lease') this.#granted(frame.assignment, frame.acked);
      else if (frame.type === 'ack') this.#acknowledge(frame.n);
      else if (frame.type === 'expected') this.#acknowledge(frame.n - 1);
      else if (frame.type === 'command') this.#command(frame.id, frame.command);
      else if (frame.type !== 'saved') this.over = frame.type;
    }
  }

  /** Goes on as the lease to which the slot of another one has passed on. */
  follow({ given, client, rest }: NonNullable<FleetLease['next']>): void {
    this.client = client;
    this.#granted(given.assignment, 0);
    for (const message of given.messages) this.#message(message.number);
    this.#read(rest);
  }

  /** Does a step of its work, and sends what is not acknowledged. */
  work(mayRefuse: boolean): void {
    if (!this.granted || this.over || !this.client) return;
    const isQuiet = this.#world.now - this.#heardAt > QUIET_MS;
    if (!isQuiet && this.#accepted && !this.#hasLeft) this.#step(mayRefuse);
    if (this.#accepted && this.#buffer.length > 0) {
      const frames = this.#buffer.map(({ n, body }) => ({ n, ...body }));
      this.#send({ type: 'frames', frames });
      if (this.#world.chance(0.1)) this.#send({ type: 'frames', frames });
      // The answer is lost, and the session does not learn that the agent has gone.
      if (this.#world.chance(0.1)) this.client = null;
    }
    this.read();
  }

  #step(mayRefuse: boolean): void {
    const world = this.#world;
    if (this.isLeftover) return this.#leave('lost');
    if (this.#leaving && world.chance(0.7)) return this.#leave(this.#leaving);
    if (world.chance(0.02)) return this.#leave(world.pick([mayRefuse ? 'refused' : 'lost', 'shutdown', 'lost']));
    this.#note();
    if (world.chance(0.1)) this.#ask();
    const message = this.#queue[0];
    if (message !== undefined && world.chance(0.2)) {
      this.#queue.shift();
      this.#done = message;
      if (world.chance(0.5)) this.#append(...checkpoint(this.#name('checkpoint'), { messages_done: message }));
    }
    const isDone = this.#queue.length === 0 && this.#done === this.#last && this.#done > this.#hasReported;
    if (isDone && this.#asks.size === 0 && world.chance(0.6)) this.#finish();
  }

  #finish(): void {
    this.#hasReported = this.#done;
    const failed = this.#world.chance(0.15);
    const error = { code: 'model_failed', message: 'It failed.', retryable: this.#world.chance(0.7) };
    this.#append(failed ? result(this.#done, { status: 'failed', error }) : result(this.#done));
  }

  #leave(reason: Parameters<typeof released>[0]): void {
    this.#hasLeft = true;
    this.#append(released(reason));
  }

  #note(): void {
    const text = this.#name(`note ${this.#head + 1}`);
    this.notes.set(this.#head + 1, text);
    this.#append(note(text));
  }

  #ask(): void {
    const id = this.#name(`ask ${this.#head + 1}`);
    this.#asks.add(id);
    this.#append(asked(id));
  }

  #granted({ messages_done, messages_last }: Assignment, acked: number): void {
    this.#accepted = true;
    this.#acknowledge(acked);
    if (this.granted) return;
    this.granted = true;
    this.#done = messages_done;
    this.#last = messages_last;
    // Nothing is left but the result.
    this.#hasReported = messages_done === messages_last ? messages_done - 1 : messages_done;
  }

  #command(id: number, command: Command): void {
    const isNew = !this.#commands.has(id);
    this.#commands.set(id, command);
    if (isNew && command.type === 'message') this.#message(command.data.number);
    else if (command.type === 'pause') this.#leaving = 'paused';
    else if (command.type === 'stop') this.#leaving = 'stopped';
    else if (command.type === 'approval_reply') this.#asks.delete(command.data.ask_id);
    // Without an acknowledgement, the command comes again.
    if (this.#world.chance(0.8)) this.#send({ type: 'command_ack', id });
  }

  /** A prompt may come twice: beside the assignment, and as a command. */
  #message(number: number): void {
    if (number <= this.#last && this.#queue.includes(number)) return;
    this.#queue.push(number);
    this.#last = Math.max(this.#last, number);
  }

  #acknowledge(n: number): void {
    this.acked = Math.max(this.acked, n);
    this.#buffer = this.#buffer.filter((frame) => frame.n > n);
  }

  #append(...bodies: AgentFrameBody[]): void {
    for (const body of bodies) this.#buffer.push({ n: ++this.#head, body });
  }

  #name(what: string): string {
    return `${this.task_id} ${this.epoch} ${this.#streamId}: ${what}`;
  }

  /** If the object throws, its shell closes the socket, and nothing was stored. */
  #send(frame: object): void {
    const { client } = this;
    if (!client || client.closedBy) return;
    const before = client.received.length;
    try {
      client.send({ ...frame, of: { task_id: this.task_id, epoch: this.epoch } });
      const answers = client.received.slice(before).map((text) => JSON.parse(text) as RunDown);
      if (answers.some((answer) => answer.type === 'lease_lost' && answer.reason === NOT_THE_HOLDER.reason))
        this.refused++;
    } catch {
      client.close(1011);
      this.client = null;
    }
  }
}
