import { explainQueue, offeredTo } from '../../src/domain/dispatch/explain.ts';
import type { Lags } from '../../src/domain/dispatch/queue-order.ts';
import { meets } from '../../src/domain/dispatch/routing.ts';
import { wasDownAt } from '../../src/domain/lease/liveness.ts';
import type { SlotRequest, SlotState } from '../../src/ports/agent-registry.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { AgentView } from '../../src/protocol/agent/agent.ts';
import { type AgentHello, ControlUp } from '../../src/protocol/agent/control-socket.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../../src/protocol/common/ids.ts';
import { MAX_AGENTS, MAX_AGENTS_OF_TOKEN } from '../../src/protocol/common/limits.ts';
import { FIRST_PAGE, type Page, type PageQuery } from '../../src/protocol/common/page.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import { paramsIn } from '../../src/protocol/endpoints/endpoints.ts';
import type { QueuePlace } from '../../src/protocol/session/queue.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import { Calls } from '../kit/calls/calls.ts';
import { sha256 } from '../kit/crypto/sha256.ts';
import { type DeadlineHandler, type Due, handlerOf } from '../kit/deadlines.ts';
import type { ObjectPlatform, ObjectSocket } from '../kit/platform/platform.ts';
import type { SocketHolder, SocketOpening } from '../kit/platform/sockets.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { parseJson } from '../kit/text.ts';
import { AgentsTable, type Owner } from './agents/agents-table.ts';
import { agentTag, type Connection, Connections, newConnection } from './agents/connections.ts';
import {
  AGENT_KEPT_MS,
  DEADLINE,
  type DeadlineName,
  DISPATCH,
  INSTANCE_FRESH_MS,
  REVIEW_MS,
  TOMBSTONES_KEPT_MS,
} from './config.ts';
import { Locks } from './locks/locks.ts';
import { REGISTRY_SCHEMA } from './schema.ts';
import { SlotKeeper } from './slots/slot-keeper.ts';
import { type Slot, type SlotKey, SlotsTable } from './slots/slots-table.ts';

/** Explanations read on average half of the queue, so they read it in few statements. */
const EXPLAINED_PAGE = 2_000;

/** RFC 6455 §7.4.1 and its registry: the agent connects again, with growing pauses. */
const TRY_AGAIN_LATER = 1013;
const TOO_MANY_AGENTS = `at most ${MAX_AGENTS} agents are connected, and ${MAX_AGENTS_OF_TOKEN} with one token`;
const NO_SUCH_AGENT = refuse('not_found', 'There is no such agent.');

/** Builds a registry's parts over a platform. @param lags how much later each priority stands in the queue */
export function buildAgentRegistry(
  workspace: WorkspaceId,
  platform: ObjectPlatform,
  lags?: Lags,
): AgentRegistryRuntime {
  const kit = buildKit(platform, REGISTRY_SCHEMA, []);
  const calls = new Calls(kit, { workspace, absent: NO_SUCH_AGENT });
  return new AgentRegistryRuntime(kit, calls, new Connections(platform), new SlotsTable(kit.store, lags));
}

/**
 * The runtime of a registry (`AgentRegistryApi`), with the agents' control sockets. Each method is synchronous, so
 * nothing changes between its reads and its writes.
 */
export class AgentRegistryRuntime implements SocketHolder {
  readonly sockets: SocketHolder = this;
  readonly locks: Locks;
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #connections: Connections;
  readonly #agents: AgentsTable;
  readonly #slots: SlotsTable;
  readonly #keeper: SlotKeeper;
  readonly #handlers: Readonly<Record<DeadlineName, DeadlineHandler>> = {
    [DEADLINE.offers]: { waitsFor: 'others', run: (_, due) => this.#keeper.lapse(due) },
    [DEADLINE.queue]: { waitsFor: 'time', run: () => this.#keeper.match() },
    [DEADLINE.review]: { waitsFor: 'others', run: (_, due) => this.#review(due) },
    [DEADLINE.locks]: { waitsFor: 'time', run: () => this.locks.expire() },
    [DEADLINE.purge]: { waitsFor: 'time', run: () => void this.#purge() },
  };

  constructor(kit: ObjectKit, calls: Calls, connections: Connections, slots: SlotsTable) {
    this.#kit = kit;
    this.#calls = calls;
    this.locks = new Locks(kit, calls);
    this.#connections = connections;
    this.#agents = new AgentsTable(kit.store);
    this.#slots = slots;
    this.#keeper = new SlotKeeper(kit, slots, this.#agents, connections);
  }

  reserve(request: SlotRequest): SlotState {
    return this.#slotCall(
      'reserve',
      request,
      () => this.#keeper.reserve(request),
      ({ state }) => state,
    );
  }

  cancel(key: SlotKey): void {
    this.#slotCall('cancel', key, () => this.#keeper.cancel(key));
  }

  release(key: SlotKey): void {
    this.#slotCall('release', key, () => this.#keeper.release(key));
  }

  agents(call: Call, page: PageQuery = FIRST_PAGE): Outcome<Page<AgentView>> {
    return this.#calls.read('agents', call, () =>
      this.#kit.store.created
        ? this.#agents.page(this.#connections.aliveAt(), page)
        : ok({ items: [], next_cursor: null }),
    );
  }

  agent(call: Call, agentId: string): Outcome<AgentView> {
    return this.#calls.read('agent', call, () => {
      const [view] = this.#kit.store.created ? this.#agents.views(this.#connections.aliveAt(), agentId) : [];
      return view ? ok(view) : NO_SUCH_AGENT;
    });
  }

  places(call: Call, sessions: SessionId[]): Outcome<Record<SessionId, QueuePlace>> {
    return this.#calls.read('places', call, () => ok(this.#kit.store.created ? this.#placesOf(sessions) : {}));
  }

  #placesOf(asked: readonly SessionId[]): Record<SessionId, QueuePlace> {
    const { queued, offered } = this.#slots.waitingOf(asked);
    const connected = this.#connections.connected();
    const enrolled = this.#agents.views(this.#connections.aliveAt());
    const nameOf = new Map(enrolled.map(({ id, name }) => [id, name]));
    const agents = enrolled.flatMap((agent) => {
      const connection = connected.get(agent.id);
      return connection ? [{ ...agent, ...connection }] : [];
    });
    const queue = this.#slots.queue(EXPLAINED_PAGE);
    const places = explainQueue({ queue, sessions: queued, agents, now: this.#now }, DISPATCH);
    for (const [id, agent_id] of offered) places.set(id, offeredTo(nameOf.get(agent_id) ?? 'An agent'));
    return Object.fromEntries(places);
  }

  open(url: URL, { token_id }: Principal): SocketOpening | null {
    const agent = paramsIn('openControlSocket', url.pathname);
    if (!agent) return this.locks.open(url, token_id);
    return { tags: [agentTag(agent.agent_id)], attachment: newConnection(agent.agent_id, token_id, this.#now) };
  }

  receive(socket: ObjectSocket, text: string): void {
    if (this.locks.has(socket)) return;
    const connection = this.#connections.of(socket);
    const frame = parse(text);
    if (frame?.type === 'hello') this.#hello(connection, frame);
    else if (frame && connection.attachment.instance_id !== null) this.#report(connection, frame);
    else {
      const reason = frame ? 'send hello before other frames' : 'not a control frame';
      this.#connections.close(connection, CLOSE.protocol_error, reason);
    }
  }

  /** Keeps the agent's slots, because the agent continues its work without the socket. */
  closed(socket: ObjectSocket): void {
    if (this.locks.closed(socket)) return;
    const connection = this.#connections.of(socket);
    const { closed, instance_id, agent_id } = connection.attachment;
    this.#connections.update(connection, { closed: true });
    if (closed || instance_id === null || this.#connections.welcomed(agent_id).length > 0) return;
    this.#kit.store.transact(() => this.#agents.setLastSeen(agent_id, this.#now));
  }

  alarm(): void {
    runAlarm(this.#kit, handlerOf(this.#handlers));
  }

  /** Accepts an agent's hello. The hello of a known and unchanged agent writes nothing. */
  #hello(connection: Connection, hello: AgentHello): void {
    const { agent_id, token_id } = connection.attachment;
    const owner: Owner = { token_id, secret_hash: hello.secret === undefined ? null : sha256(hello.secret) };
    const { created } = this.#kit.store;
    const registration = created ? this.#agents.compare(agent_id, hello, owner) : 'new';
    if (registration === 'foreign') {
      this.#kit.store.platform.logger('warn', 'agent_refused', { agent_id, token_id });
      return this.#supersede(connection, 'this agent id belongs to another agent');
    }
    if (registration === 'new' && created && !this.#makeRoom(token_id)) {
      return this.#connections.close(connection, TRY_AGAIN_LATER, TOO_MANY_AGENTS);
    }
    const others = this.#connections.welcomed(agent_id).filter(({ socket }) => socket.id !== connection.socket.id);
    if (others.some((other) => this.#isRival(other, hello))) {
      this.#supersede(connection, 'another instance of this agent is connected and alive');
      return;
    }
    const held = created ? this.#slots.heldBy(agent_id) : [];
    const isNamed = (slot: SlotKey) => hello.leases.some(isSame(slot));
    const open = held.filter((slot) => slot.state === 'offered' && !isNamed(slot));
    // The agent has started again elsewhere, or with other labels.
    const unfit =
      registration === 'changed' ? open.filter((slot) => !meets(hello, this.#slots.requirementsOf(slot))) : [];
    const offered = open.filter((slot) => !unfit.includes(slot));
    const abandoned = held.filter((slot) => slot.state === 'accepted' && !isNamed(slot));
    // The session has granted these leases, but the agent's `accepted` never arrived.
    const granted = created ? hello.leases.filter((lease) => this.#isOpen(lease)) : [];
    const welcome = () => this.#welcome(connection, hello, others, offered);
    if (registration !== 'same' || abandoned.length > 0 || granted.length > 0 || this.#slots.hasQueue()) {
      this.#kit.store.create(() => {
        if (registration !== 'same') this.#enrol(agent_id, hello, owner);
        this.#kit.store.afterCommit(welcome);
        this.#keeper.reconcile({ agent_id, instance_id: hello.instance_id }, { abandoned, granted, unfit });
      });
    } else welcome();
  }

  #report(connection: Connection, { type, ...key }: Exclude<ControlUp, AgentHello>): void {
    const { agent_id } = connection.attachment;
    this.#kit.store.create(() => this.#keeper.report(key, { type, agent_id }));
    this.#connections.update(connection, { seen_at: this.#now });
  }

  #isOpen(key: SlotKey): boolean {
    const state = this.#slots.find(key)?.state;
    return state === 'queued' || state === 'offered';
  }

  /** Whether another instance of the agent is alive. */
  #isRival({ attachment, aliveAt }: Connection, hello: AgentHello): boolean {
    return attachment.instance_id !== hello.instance_id && this.#now - aliveAt < INSTANCE_FRESH_MS;
  }

  /** Makes room for a new agent: an agent that is not connected and has no slot is forgotten before its time. */
  #makeRoom(tokenId: string): boolean {
    const { all, of_token } = this.#agents.count(tokenId);
    const isTokenFull = of_token >= MAX_AGENTS_OF_TOKEN;
    if (!isTokenFull && all < MAX_AGENTS) return true;
    const connected = this.#connections.connected();
    const oldest = this.#agents.idle(isTokenFull ? tokenId : null).find((id) => !connected.has(id));
    if (oldest === undefined) return false;
    this.#kit.store.transact(() => this.#agents.remove(oldest));
    return true;
  }

  #enrol(agentId: string, hello: AgentHello, owner: Owner): void {
    this.#agents.enrol(agentId, hello, owner, this.#now);
    this.#kit.deadlines.setIfUnset(DEADLINE.review, this.#now + REVIEW_MS);
  }

  /** Welcomes the agent, and repeats what it may have missed: open offers, and the end of its leases. */
  #welcome(connection: Connection, hello: AgentHello, others: Connection[], offered: Slot[]): void {
    const { agent_id } = connection.attachment;
    for (const other of others) {
      if (other.attachment.instance_id === hello.instance_id) this.#connections.close(other, 1000, 'replaced');
      else this.#supersede(other, 'another instance of this agent has taken over');
    }
    const { instance_id, name, repository } = hello;
    this.#connections.update(connection, { instance_id, agent_name: name, repository, seen_at: this.#now });
    this.#connections.send(agent_id, { type: 'welcome', agent_id });
    for (const slot of offered) this.#keeper.sendOffer(slot);
    for (const lease of hello.leases) {
      if (this.#slots.find(lease)?.state === 'ended') this.#keeper.sendCancel(agent_id, lease);
    }
    this.#kit.store.platform.logger('info', 'agent_hello', { agent_id, name, instance_id });
  }

  #supersede(connection: Connection, reason: string): void {
    connection.socket.send(JSON.stringify({ type: 'superseded', reason }));
    this.#connections.close(connection, CLOSE.superseded, reason);
  }

  /**
   * The handler of the review's deadline: stores when agents were seen, and deletes old agents and tombstones. After a
   * downtime it deletes no agent, because none could have been seen.
   */
  #review({ late_ms }: Due): void {
    const alive = this.#connections.aliveAt();
    for (const { id, last_seen_at } of this.#agents.lastSeen()) {
      const seenAt = Math.max(last_seen_at, alive.get(id) ?? 0);
      if (seenAt <= this.#now - AGENT_KEPT_MS && !wasDownAt(late_ms)) this.#agents.remove(id);
      else if (seenAt > last_seen_at) this.#agents.setLastSeen(id, seenAt);
    }
    const anyEnded = this.#purge();
    if (anyEnded || !this.#agents.isEmpty()) this.#kit.deadlines.set(DEADLINE.review, this.#now + REVIEW_MS);
  }

  /** Deletes some old tombstones, and the next ones in another transaction. @returns whether any may remain */
  #purge(): boolean {
    const { more, remain } = this.#slots.purgeEnded(this.#now - TOMBSTONES_KEPT_MS);
    if (more) this.#kit.deadlines.set(DEADLINE.purge, this.#now + 1);
    return more || remain;
  }

  /** Runs a session's call in one transaction. The first call creates the tables. */
  #slotCall<T>(method: string, { task_id, epoch }: SlotKey, body: () => T, outcomeOf?: (value: T) => string): T {
    return this.#calls.internal('info', method, { task_id, epoch }, () => this.#kit.store.create(body), outcomeOf);
  }

  get #now(): number {
    return this.#kit.store.platform.now();
  }
}

function isSame(key: SlotKey): (other: SlotKey) => boolean {
  return ({ task_id, epoch }) => task_id === key.task_id && epoch === key.epoch;
}

function parse(text: string): ControlUp | null {
  return ControlUp().safeParse(parseJson(text)).data ?? null;
}
