import type { SlotRequest, SlotState } from '../../src/ports/agent-registry.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { AgentView } from '../../src/protocol/agent/agent.ts';
import { type AgentHello, ControlUp } from '../../src/protocol/agent/control-socket.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { Uuid, type WorkspaceId } from '../../src/protocol/common/ids.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import { Calls } from '../kit/calls.ts';
import type { ObjectPlatform, ObjectSocket } from '../kit/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import type { SocketHolder, SocketOpening } from '../kit/sockets.ts';
import { parseJson } from '../kit/text.ts';
import { AgentTable } from './agents/agents-table.ts';
import { agentTag, type Connection, Connections, type ControlAttachment } from './agents/connections.ts';
import { REGISTRY_SCHEMA } from './schema.ts';
import { SlotKeeper } from './slots/slot-keeper.ts';
import { type Slot, type SlotKey, SlotTable } from './slots/slots-table.ts';

/** A second instance of an agent is refused while the first has been heard within this time. */
const INSTANCE_FRESH_MS = 45_000;
/** An agent that has been away for longer is forgotten. */
const AGENT_KEPT_MS = 86_400_000;
/** How often it is noted who is there: what `last_seen_at` may lag behind, when a socket ends with no close event. */
const AGENTS_REVIEW_MS = 21_600_000;
const AGENTS_DEADLINE = 'agents';
const CONTROL_PATH = /^\/ws\/agents\/([^/]+)\/control\/?$/;

/** The registry's parts, built together over a platform. */
export function buildAgentRegistry(workspace: WorkspaceId, platform: ObjectPlatform): AgentRegistryRuntime {
  const kit = buildKit(platform, REGISTRY_SCHEMA, []);
  const calls = new Calls(kit, { workspace, absent: refuse('not_found', 'There is no such agent.') });
  return new AgentRegistryRuntime(workspace, kit, calls, new Connections(platform));
}

/**
 * A workspace's agents and the slots of their capacity (`AgentRegistryApi`), and the agents' control sockets.
 * Each method is one synchronous step: it reads, decides and writes with nothing between.
 */
export class AgentRegistryRuntime implements SocketHolder {
  readonly sockets: SocketHolder = this;
  readonly #workspace: WorkspaceId;
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #connections: Connections;
  readonly #agents: AgentTable;
  readonly #slots: SlotTable;
  readonly #keeper: SlotKeeper;

  constructor(workspace: WorkspaceId, kit: ObjectKit, calls: Calls, connections: Connections) {
    this.#workspace = workspace;
    this.#kit = kit;
    this.#calls = calls;
    this.#connections = connections;
    this.#agents = new AgentTable(kit.store);
    this.#slots = new SlotTable(kit.store);
    this.#keeper = new SlotKeeper(kit, this.#slots, this.#agents, connections);
  }

  reserve(request: SlotRequest): SlotState {
    return this.#slotCall('reserve', request, () => {
      if (this.#keeper.state(request) === null) this.#keeper.reserve(request);
      else this.#keeper.revise(request);
      return this.#keeper.state(request)!;
    });
  }

  cancel(key: SlotKey): void {
    this.#slotCall('cancel', key, () => {
      if (this.#slots.hasEnded(key)) return;
      const holder = this.#slots.find(key)?.agent_id;
      if (holder) this.#keeper.tellCancelled(holder, key);
      this.#keeper.end(key);
    });
  }

  release(key: SlotKey): void {
    this.#slotCall('release', key, () => {
      if (!this.#slots.hasEnded(key)) this.#keeper.end(key);
    });
  }

  agents(call: Call): Outcome<AgentView[]> {
    return this.#calls.read('agents', call, () =>
      ok(this.#kit.store.created ? this.#agents.views(this.#connections.aliveAt()) : []),
    );
  }

  agent(call: Call, agentId: string): Outcome<AgentView> {
    return this.#calls.read('agent', call, () => {
      const [view] = this.#kit.store.created ? this.#agents.views(this.#connections.aliveAt(), agentId) : [];
      return view ? ok(view) : refuse('not_found', 'There is no such agent.');
    });
  }

  /** The upgrade of a control socket: `GET /ws/agents/{agent_id}/control`. */
  open({ pathname }: URL): SocketOpening | null {
    const agentId = Uuid.safeParse(CONTROL_PATH.exec(pathname)?.[1]);
    if (!agentId.success) return null;
    const attachment: ControlAttachment = {
      agent_id: agentId.data,
      instance_id: null,
      seen_at: this.#now,
      closed: false,
    };
    return { tags: [agentTag(agentId.data)], attachment };
  }

  /** A frame on a control socket. A throw means that nothing was stored: close the socket, and the agent reconnects. */
  receive(socket: ObjectSocket, text: string): void {
    const connection = this.#connections.of(socket);
    const frame = parse(text);
    if (frame?.type === 'hello') this.#hello(connection, frame);
    else if (frame && connection.attachment.instance_id !== null) this.#report(connection, frame);
    else {
      const reason = frame ? 'hello comes first' : 'not a control frame';
      this.#connections.close(connection, CLOSE.protocol_error, reason);
    }
  }

  /** A control socket has closed. Its agent's slots stay: a closed socket says nothing about the work. */
  closed(socket: ObjectSocket): void {
    const connection = this.#connections.of(socket);
    const { closed, instance_id, agent_id } = connection.attachment;
    this.#connections.update(connection, { closed: true });
    if (closed || instance_id === null || this.#connections.welcomed(agent_id).length > 0) return;
    this.#kit.store.transact(() => this.#agents.setLastSeen(agent_id, this.#now));
  }

  alarm(): void {
    runAlarm(this.#kit, (name) => {
      if (!this.#keeper.handle(name) && name === AGENTS_DEADLINE) this.#reviewAgents();
    });
  }

  /** The hello of a known, unchanged agent writes nothing. */
  #hello(connection: Connection, hello: AgentHello): void {
    const { agent_id } = connection.attachment;
    const others = this.#connections.welcomed(agent_id).filter(({ socket }) => socket.id !== connection.socket.id);
    if (others.some((other) => this.#isRival(other, hello))) {
      this.#supersede(connection, 'another instance of this agent is connected and alive');
      return;
    }
    const { created } = this.#kit.store;
    const changed = !created || !this.#agents.isKnownAs(agent_id, hello);
    const held = created ? this.#slots.heldBy(agent_id) : [];
    const offered = held.filter(({ state }) => state === 'offered');
    const unnamed = held.filter(({ state, ...key }) => state === 'accepted' && !hello.leases.some(isSame(key)));
    // Leases that the session has granted, but whose `accepted` never arrived.
    const unreported = created ? hello.leases.filter((lease) => this.#isUnreported(lease)) : [];
    const welcome = () => this.#welcome(connection, hello, others, offered);
    if (changed || unnamed.length > 0 || unreported.length > 0 || this.#slots.hasQueue()) {
      this.#write(() => {
        if (changed) this.#register(agent_id, hello);
        this.#kit.store.afterCommit(welcome);
        for (const key of unnamed) this.#keeper.end(key);
        for (const key of unreported) this.#keeper.hold(key, agent_id);
        this.#keeper.serve({ newcomer: agent_id });
      });
    } else welcome();
  }

  #report(connection: Connection, frame: Exclude<ControlUp, AgentHello>): void {
    const { agent_id } = connection.attachment;
    this.#write(() => {
      if (frame.type === 'accepted') this.#keeper.accept(frame, agent_id);
      else if (frame.type === 'declined') this.#keeper.decline(frame, agent_id);
      else this.#keeper.leave(frame, agent_id);
    });
    this.#connections.update(connection, { seen_at: this.#now });
  }

  #isUnreported(key: SlotKey): boolean {
    const slot = this.#slots.find(key);
    return slot !== undefined && slot.state !== 'accepted';
  }

  /** Another instance that has given a sign of life just now. */
  #isRival({ attachment, aliveAt }: Connection, hello: AgentHello): boolean {
    return attachment.instance_id !== hello.instance_id && this.#now - aliveAt < INSTANCE_FRESH_MS;
  }

  #register(agentId: string, hello: AgentHello): void {
    this.#agents.register(agentId, hello, this.#now);
    this.#kit.deadlines.setIfUnset(AGENTS_DEADLINE, this.#now + AGENTS_REVIEW_MS);
  }

  /** Welcomes the agent, and tells it what it may have missed: offers that stand, leases that have ended. */
  #welcome(connection: Connection, hello: AgentHello, others: Connection[], offered: Slot[]): void {
    const { agent_id } = connection.attachment;
    for (const other of others) {
      if (other.attachment.instance_id === hello.instance_id) this.#connections.close(other, 1000, 'replaced');
      else this.#supersede(other, 'another instance of this agent has taken over');
    }
    this.#connections.update(connection, { instance_id: hello.instance_id, seen_at: this.#now });
    this.#connections.send(agent_id, { type: 'welcome', agent_id });
    for (const slot of offered) this.#keeper.sendOffer(slot);
    for (const lease of hello.leases) if (this.#slots.hasEnded(lease)) this.#keeper.tellCancelled(agent_id, lease);
    this.#kit.store.platform.logger('info', 'agent_hello', {
      agent_id,
      name: hello.name,
      instance_id: hello.instance_id,
    });
  }

  #supersede(connection: Connection, reason: string): void {
    connection.socket.send(JSON.stringify({ type: 'superseded', reason }));
    this.#connections.close(connection, CLOSE.superseded, reason);
  }

  /** Notes who is there, and forgets who has been away for a day. */
  #reviewAgents(): void {
    const alive = this.#connections.aliveAt();
    for (const { id, last_seen_at } of this.#agents.lastSeen()) {
      const seenAt = Math.max(last_seen_at, alive.get(id) ?? 0);
      if (seenAt <= this.#now - AGENT_KEPT_MS) this.#agents.remove(id);
      else if (seenAt > last_seen_at) this.#agents.setLastSeen(id, seenAt);
    }
    if (!this.#agents.isEmpty()) this.#kit.deadlines.set(AGENTS_DEADLINE, this.#now + AGENTS_REVIEW_MS);
  }

  #slotCall<T>(method: string, { task_id, epoch }: SlotKey, body: () => T): T {
    return this.#calls.internal('info', method, { task_id, epoch }, () => this.#write(body));
  }

  /** One durable step; the first one makes the tables. */
  #write<T>(body: () => T): T {
    const { store } = this.#kit;
    return store.create(() => {
      store.rows(`INSERT OR IGNORE INTO registry (one, workspace, arrivals) VALUES (1, ?, 0)`, this.#workspace);
      return body();
    });
  }

  get #now(): number {
    return this.#kit.store.platform.now();
  }
}

function isSame(key: SlotKey): (other: SlotKey) => boolean {
  return ({ task_id, epoch }) => task_id === key.task_id && epoch === key.epoch;
}

function parse(text: string): ControlUp | null {
  return ControlUp.safeParse(parseJson(text)).data ?? null;
}
