import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { proofKey, proofOf } from '../../../durable-objects/kit/crypto/offer-proof.ts';
import { sessionName } from '../../../src/adapters/objects/names.ts';
import { objectSessions } from '../../../src/adapters/objects/stubs.ts';
import { LogFollower } from '../../../src/client/resume.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { PRINCIPAL_HEADER } from '../../../src/ports/calls.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, sessionIdFrom, taskIdOf, timeBytes } from '../../../src/protocol/common/ids.ts';
import { SOCKET_PROTOCOL } from '../../../src/protocol/common/socket.ts';
import type { Assignment } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrame, AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';
import { eventually } from '../../support/eventually.ts';

const AGENT_TOKEN = 'agent-token';

/** A new session object in a new workspace. */
export function sessionObject() {
  const workspace = `session-${crypto.randomUUID()}`;
  const id = sessionIdFrom(timeBytes(Date.now()), crypto.getRandomValues(new Uint8Array(6)));
  const stub = env.SESSION.getByName(sessionName(workspace, id));
  const call: Call = {
    principal: { workspace, role: 'operator', token_id: 'tester' },
    request_id: crypto.randomUUID(),
    idempotency: null,
  };
  const api = objectSessions(env.SESSION).at(workspace, id);
  return { workspace, id, taskId: taskIdOf(id, IMPLICIT_TASK), stub, api, call };
}

export type SessionObject = ReturnType<typeof sessionObject>;

export function requested(changes: Record<string, unknown> = {}): CreateSessionRequest {
  return CreateSessionRequest().parse({ title: 'A session', initial_prompt: 'Do it', ...changes });
}

export function unwrap<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}

/** Opens a socket at the object, as the Worker does after it has verified the caller. */
export async function open({ stub, workspace }: SessionObject, path: string): Promise<WebSocket> {
  const response = await stub.fetch(`https://oio.test${path}`, {
    headers: {
      upgrade: 'websocket',
      'sec-websocket-protocol': SOCKET_PROTOCOL,
      [PRINCIPAL_HEADER]: JSON.stringify({ workspace, role: 'agent', token_id: AGENT_TOKEN }),
    },
  });
  if (!response.webSocket) throw new Error(`${response.status}: ${await response.text()}`);
  response.webSocket.accept();
  return response.webSocket;
}

const AGENT = {
  agent_id: crypto.randomUUID(),
  instance_id: crypto.randomUUID(),
  agent_name: 'AGENT-ONE',
  repository: null,
};

/** An agent on a real socket. It numbers its frames and keeps them until they are acknowledged. */
export class SocketAgent {
  readonly received: RunDown[] = [];
  assignment: Assignment | null = null;
  buffer: AgentFrame[] = [];
  head = 0;
  acked = 0;
  over: string | null = null;
  closeCode: number | null = null;
  socket: WebSocket | null = null;
  readonly #session: SessionObject;
  readonly #epoch: number;
  readonly #streamId = crypto.randomUUID();

  constructor(session: SessionObject, epoch = 1) {
    this.#session = session;
    this.#epoch = epoch;
  }

  async connect(): Promise<this> {
    const socket = await open(this.#session, `/ws/leases/${this.#session.taskId}/${this.#epoch}`);
    this.socket = socket;
    let answered = false;
    socket.addEventListener('message', ({ data }) => {
      if (data === 'pong') return;
      answered = true;
      this.#take(JSON.parse(data as string) as RunDown);
    });
    socket.addEventListener('close', ({ code }) => {
      this.closeCode = code;
    });
    const [stream_id, { head }, proof] = [this.#streamId, this, await this.#proof()];
    socket.send(JSON.stringify({ type: 'present', ...AGENT, stream_id, head, proof }));
    await eventually(() => {
      if (!answered) throw new Error('the agent has had no answer');
    });
    return this;
  }

  /** The proof that the registry would have sent with its offer. */
  #proof(): Promise<string> {
    return runInDurableObject(this.#session.stub, (_instance, state) => {
      const [row] = state.storage.sql.exec('SELECT offer_secret FROM session').toArray();
      const key = proofKey(String(row?.offer_secret), IMPLICIT_TASK, this.#epoch);
      return proofOf(key, { ...AGENT, token_id: AGENT_TOKEN });
    });
  }

  /** Sends frames and waits until they are stored. */
  async send(...bodies: AgentFrameBody[]): Promise<void> {
    for (const body of bodies) this.buffer.push({ n: ++this.head, ...body });
    this.socket?.send(JSON.stringify({ type: 'frames', frames: this.buffer }));
    await eventually(() => {
      if (this.acked < this.head && this.over === null) throw new Error(`stored up to ${this.acked} of ${this.head}`);
    });
  }

  #take(frame: RunDown): void {
    this.received.push(frame);
    if (frame.type === 'lease') {
      this.assignment = frame.assignment;
      this.acked = frame.acked;
    } else if (frame.type === 'ack') this.acked = frame.n;
    else if (frame.type === 'ended' || frame.type === 'lease_lost' || frame.type === 'gone') this.over = frame.type;
    this.buffer = this.buffer.filter(({ n }) => n > this.acked);
  }
}

/** A watcher on a real socket, which replies at once. */
export class SocketWatcher {
  readonly follower = new LogFollower();
  readonly faults: string[] = [];
  live = false;
  closeCode: number | null = null;
  socket: WebSocket | null = null;
  readonly #session: SessionObject;

  constructor(session: SessionObject) {
    this.#session = session;
  }

  async connect(): Promise<this> {
    const { cursor } = this.follower;
    const socket = await open(this.#session, `/ws/sessions/${this.#session.id}${cursor ? `?after=${cursor}` : ''}`);
    this.socket = socket;
    this.follower.connect();
    socket.addEventListener('message', ({ data }) => {
      const step = this.follower.receive(data as string);
      if (!step.ok) {
        this.faults.push(step.detail);
        return;
      }
      this.live = step.live;
      for (const reply of step.replies) socket.send(JSON.stringify(reply));
    });
    socket.addEventListener('close', ({ code }) => {
      this.closeCode = code;
    });
    return this;
  }
}
