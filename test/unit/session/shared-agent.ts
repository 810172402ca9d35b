import { taskIdOf, taskNumber } from '../../../src/protocol/common/ids.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { RunDown, RunUp } from '../../../src/protocol/run/run-socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { result, uuidOf } from './fake-agent.ts';
import { SESSION_ID, type SessionInProcess } from './harness.ts';

type Next = NonNullable<Extract<RunDown, { type: 'ended' }>['next']>;

/** A lease of a shared agent. */
interface Held {
  epoch: number;
  stream_id: string;
  head: number;
  /** What is not acknowledged. */
  buffer: object[];
}

/** An agent whose leases of a session share one socket, and that goes on with what `ended` brings. */
export class SharedAgent {
  readonly agent: Pick<Extract<RunUp, { type: 'present' }>, 'agent_id' | 'agent_name' | 'instance_id' | 'repository'>;
  client: FakeClient;
  /** By task. */
  readonly leases = new Map<number, Held>();
  /** The assignments that came with the end of another lease. */
  readonly passed: Next[] = [];
  /** All assignments, by claim or after another lease. */
  readonly assignments: Assignment[] = [];
  readonly heard: RunDown[] = [];
  /** Whether what the session says is lost. */
  isDeaf = false;
  readonly #session: SessionInProcess;
  readonly #facts: object;

  /** @param facts what it presents: `capabilities` and `labels` */
  constructor(session: SessionInProcess, name = 'AGENT-ONE', facts: object = {}) {
    this.#session = session;
    this.#facts = facts;
    this.agent = {
      agent_id: uuidOf(name),
      agent_name: name,
      instance_id: uuidOf(`${name} instance`),
      repository: 'root-commit',
    };
    this.client = session.openRun(1);
  }

  /** Claims a task, for the first time or on a new socket. */
  claim(task: number, epoch = this.#session.task(task).epoch): this {
    const stream_id = uuidOf(`stream of ${task}, ${epoch}`);
    const held = this.leases.get(task) ?? { epoch, stream_id, head: 0, buffer: [] };
    this.leases.set(task, held);
    const proof = this.#session.proofFor(held.epoch, this.agent, undefined, task);
    const { head } = held;
    const claim = { ...this.agent, ...this.#facts, stream_id: held.stream_id, head, proof, shared: true };
    this.client.send({ type: 'present', ...claim, of: of(task, held.epoch) });
    return this.read();
  }

  /** Its socket is gone, and it has a new one on which it claims what it knows of. */
  reconnect(): this {
    this.client.close(1006);
    this.client = this.#session.openRun(1);
    for (const [task] of [...this.leases]) this.claim(task);
    return this;
  }

  /** Reports under the lease of a task. */
  send(task: number, ...bodies: AgentFrameBody[]): this {
    const held = this.leases.get(task)!;
    for (const body of bodies) held.buffer.push({ n: ++held.head, ...body });
    this.client.send({ type: 'frames', frames: held.buffer, of: of(task, held.epoch) });
    return this.read();
  }

  /** Reports that the task is done. */
  finish(task: number): this {
    return this.send(task, result(99, { text: `Did ${task}.` }));
  }

  read(): this {
    for (const message of this.client.take<RunDown>()) {
      if (this.isDeaf) continue;
      this.heard.push(message);
      const task = taskNumber(message.of!.task_id);
      const held = this.leases.get(task);
      if (message.type === 'lease') this.assignments.push(message.assignment);
      else if (message.type === 'ack' && held) held.buffer = held.buffer.filter((frame) => numberOf(frame) > message.n);
      else if (message.type === 'ended' || message.type === 'lease_lost' || message.type === 'gone') {
        this.leases.delete(task);
        if (message.type === 'ended' && message.next) this.#goOn(message.next);
      }
    }
    return this;
  }

  #goOn(next: Next): void {
    const { assignment, stream_id } = next;
    const task = taskNumber(assignment.task_id);
    if (this.leases.has(task)) return;
    this.passed.push(next);
    this.assignments.push(assignment);
    this.leases.set(task, { epoch: assignment.epoch, stream_id, head: 0, buffer: [] });
  }
}

function of(task: number, epoch: number) {
  return { task_id: taskIdOf(SESSION_ID, task), epoch };
}

function numberOf(frame: object): number {
  return (frame as { n: number }).n;
}
