import { explainQueue, offeredTo } from '../../src/domain/dispatch/explain.ts';
import type { Lags } from '../../src/domain/dispatch/queue-order.ts';
import { wasDownAt } from '../../src/domain/lease/liveness.ts';
import {
  type AgentQuery,
  ALL_AGENTS,
  type AssignmentResult,
  type PassWord,
  type Registration,
  type SlotPass,
  type SlotRequest,
  type SlotState,
} from '../../src/ports/agent-registry.ts';
import type { Call } from '../../src/ports/calls.ts';
import type {
  AgentPerformance,
  AgentView,
  DeregisterAgentRequest,
  DrainAgentRequest,
  RegisterAgentRequest,
  UpdateAgentRequest,
} from '../../src/protocol/agent/agent.ts';
import { type AgentHello, ControlUp } from '../../src/protocol/agent/control-socket.ts';
import { type Outcome, ok } from '../../src/protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../../src/protocol/common/ids.ts';
import type { Page } from '../../src/protocol/common/page.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import { paramsIn } from '../../src/protocol/endpoints/endpoints.ts';
import type { QueuePlace } from '../../src/protocol/session/queue.ts';
import { type Principal, revocableToken } from '../../src/protocol/workspace/token.ts';
import { Calls } from '../kit/calls/calls.ts';
import { type DeadlineHandler, type Due, handlerOf } from '../kit/deadlines.ts';
import type { ObjectPlatform, ObjectSocket } from '../kit/platform/platform.ts';
import type { SocketHolder, SocketOpening } from '../kit/platform/sockets.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { parseJson } from '../kit/text.ts';
import { recordTo } from './agents/agent-records.ts';
import { AgentViews } from './agents/agent-views.ts';
import { AgentsTable } from './agents/agents-table.ts';
import { Arrivals } from './agents/arrivals.ts';
import { agentTag, type Connection, Connections, newConnection } from './agents/connections.ts';
import { Fleet } from './agents/fleet.ts';
import { Membership } from './agents/membership.ts';
import { Performance } from './agents/performance.ts';
import { Polls } from './agents/polls.ts';
import { ResultsTable } from './agents/results-table.ts';
import { TimesTable } from './agents/times-table.ts';
import {
  AGENT_KEPT_MS,
  DEADLINE,
  type DeadlineName,
  NO_SUCH_AGENT,
  RECORDED_AT_A_TIME,
  REGISTERED_KEPT_MS,
  REVIEW_MS,
  TOMBSTONES_KEPT_MS,
} from './config.ts';
import { type RegistryPorts, registryDestinations } from './destinations.ts';
import { Locks } from './locks/locks.ts';
import type { RegistryParts } from './parts.ts';
import { REGISTRY_SCHEMA } from './schema.ts';
import { Dispatch } from './slots/dispatch.ts';
import { Rebalancer } from './slots/rebalancer.ts';
import { SlotKeeper } from './slots/slot-keeper.ts';
import { type SlotKey, SlotsTable } from './slots/slots-table.ts';

/** What a registry is built with. */
export interface RegistryOptions extends RegistryPorts {
  /** How much later each priority stands in the queue. */
  lags?: Lags;
}

/** Builds a registry's parts over a platform. */
export function buildAgentRegistry(
  workspace: WorkspaceId,
  platform: ObjectPlatform,
  { lags, evict, history = null }: RegistryOptions,
): AgentRegistryRuntime {
  const kit = buildKit(platform, REGISTRY_SCHEMA, registryDestinations({ evict, history }));
  const record = history && recordTo(kit, workspace);
  const changed = new Set<string>();
  const results = new ResultsTable(kit.store);
  const agents = new AgentsTable(kit.store, changed, results, record);
  const polledSince = (since: number) => (kit.store.created ? agents.polledSince(since) : []);
  const connections = new Connections(platform, changed, polledSince);
  const slots = new SlotsTable(kit.store, lags);
  const tables = { kit, connections, agents, slots, changed };
  const base = { ...tables, dispatch: new Dispatch(tables) };
  const placed = {
    ...base,
    results,
    times: new TimesTable(kit.store),
    keeper: new SlotKeeper(base),
  };
  const parts: RegistryParts = {
    ...placed,
    membership: new Membership(placed),
    performance: new Performance(placed),
  };
  return new AgentRegistryRuntime(parts, new Calls(kit, { workspace, absent: NO_SUCH_AGENT }));
}

/**
 * The runtime of a registry (`AgentRegistryApi`), with the agents' control sockets. Each method is synchronous, so
 * nothing changes between its reads and its writes.
 */
export class AgentRegistryRuntime implements SocketHolder {
  readonly sockets: SocketHolder = this;
  readonly locks: Locks;
  readonly fleet: Fleet;
  readonly rebalancer: Rebalancer;
  readonly polls: Polls;
  readonly #parts: RegistryParts;
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #views: AgentViews;
  readonly #arrivals: Arrivals;
  readonly #handlers: Readonly<Record<DeadlineName, DeadlineHandler>>;

  constructor(parts: RegistryParts, calls: Calls) {
    this.#parts = parts;
    this.#kit = parts.kit;
    this.#calls = calls;
    this.locks = new Locks(parts.kit, calls);
    this.#views = new AgentViews(parts);
    this.fleet = new Fleet(parts, calls, this.#views);
    this.rebalancer = new Rebalancer(parts, calls);
    this.polls = new Polls(parts, calls);
    this.#arrivals = new Arrivals(parts);
    const { keeper, membership } = parts;
    this.#handlers = {
      [DEADLINE.offers]: { waitsFor: 'others', run: (_, due) => keeper.lapse(due) },
      [DEADLINE.queue]: { waitsFor: 'time', run: () => keeper.match() },
      [DEADLINE.drains]: { waitsFor: 'others', run: (_, { late_ms }) => membership.settleDrains(late_ms) },
      [DEADLINE.review]: { waitsFor: 'others', run: (_, due) => this.#review(due) },
      [DEADLINE.locks]: { waitsFor: 'time', run: () => this.locks.expire() },
      [DEADLINE.purge]: { waitsFor: 'time', run: () => void this.#purge() },
    };
  }

  reserve(request: SlotRequest): SlotState {
    return this.#slotCall(
      'reserve',
      request,
      () => {
        const slot = this.#parts.keeper.reserve(request);
        const { times_of } = request;
        return times_of === undefined ? slot : { ...slot, times: this.#parts.times.of(times_of) };
      },
      ({ state }) => state,
    );
  }

  cancel(key: SlotKey): void {
    this.#slotCall('cancel', key, () => this.#parts.keeper.cancel(key));
  }

  accept(key: SlotKey, agentId: string): void {
    this.#slotCall('accept', key, () => this.#parts.keeper.grant(key, agentId));
  }

  release(key: SlotKey, result?: AssignmentResult): void {
    const { keeper, performance } = this.#parts;
    this.#slotCall('release', key, () => {
      // First, because the next offer depends on it.
      const hasChanged = result && performance.record(key, result);
      keeper.release(key);
      // The agent may have reported the end before.
      if (hasChanged) keeper.match();
    });
  }

  pass(pass: SlotPass): PassWord {
    const { keeper, performance } = this.#parts;
    const { from, request, agent_id } = pass;
    return this.#slotCall('pass', request, () => {
      const hasChanged = from.result && performance.record(from, from.result);
      keeper.pass(pass);
      if (hasChanged) keeper.match();
      return { pass_ms: keeper.passMs(agent_id, request) };
    });
  }

  agents(call: Call, query: AgentQuery = ALL_AGENTS): Outcome<Page<AgentView>> {
    return this.#calls.read('agents', call, () =>
      this.#kit.store.created ? this.#views.page(query) : ok({ items: [], next_cursor: null }),
    );
  }

  agent(call: Call, agentId: string): Outcome<AgentView> {
    return this.#calls.read('agent', call, () => (this.#kit.store.created ? this.#viewOf(agentId) : NO_SUCH_AGENT));
  }

  isOwnToken(agentId: string, tokenId: string): boolean {
    return this.#calls.internal('debug', 'isOwnToken', { agent_id: agentId }, () =>
      this.#kit.store.created ? this.#parts.agents.isOwnToken(agentId, tokenId) : false,
    );
  }

  performance(call: Call, agentId: string): Outcome<AgentPerformance> {
    return this.#calls.read('performance', call, () =>
      this.#kit.store.created ? this.#parts.performance.view(agentId) : NO_SUCH_AGENT,
    );
  }

  register(call: Call, { agent_id, token_id }: Registration, request: RegisterAgentRequest): Outcome<Registration> {
    const tokens = { by: revocableToken(call.principal), own: token_id };
    return this.#calls.create('register', call, () => this.#parts.membership.register(agent_id, request, tokens));
  }

  update(call: Call, agentId: string, changes: UpdateAgentRequest): Outcome<AgentView> {
    return this.#changeAgent('update', call, agentId, () => this.#parts.membership.update(agentId, changes));
  }

  drain(call: Call, agentId: string, request: DrainAgentRequest): Outcome<AgentView> {
    return this.#changeAgent('drain', call, agentId, () => this.#parts.membership.drain(agentId, request));
  }

  resume(call: Call, agentId: string): Outcome<AgentView> {
    return this.#changeAgent('resume', call, agentId, () => this.#parts.membership.resume(agentId));
  }

  deregister(call: Call, agentId: string, request: DeregisterAgentRequest): Outcome<null> {
    return this.#calls.change('deregister', call, () => this.#parts.membership.drain(agentId, request, true));
  }

  #changeAgent(method: string, call: Call, id: string, change: () => Outcome<null>): Outcome<AgentView> {
    return this.#calls.change(method, call, () => {
      const changed = change();
      return changed.ok ? this.#viewOf(id) : changed;
    });
  }

  #viewOf(agentId: string): Outcome<AgentView> {
    const view = this.#views.one(agentId);
    return view ? ok(view) : NO_SUCH_AGENT;
  }

  places(call: Call, sessions: SessionId[]): Outcome<Record<SessionId, QueuePlace>> {
    return this.#calls.read('places', call, () => ok(this.#kit.store.created ? this.#placesOf(sessions) : {}));
  }

  #placesOf(asked: readonly SessionId[]): Record<SessionId, QueuePlace> {
    const { slots, dispatch } = this.#parts;
    const { queued, offered } = slots.waitingOf(asked);
    const dispatcher = dispatch.current();
    const requests = queued.flatMap((key) => dispatcher.queue.find(key)?.request ?? []);
    const places = explainQueue(dispatcher, requests, this.#now);
    for (const [id, agent_id] of offered) {
      places.set(id, offeredTo(dispatcher.agents.get(agent_id)?.name ?? 'An agent'));
    }
    return Object.fromEntries(places);
  }

  open(url: URL, principal: Principal): SocketOpening | null {
    const agent = paramsIn('openControlSocket', url.pathname);
    if (!agent) return this.polls.open(url, principal) ?? this.locks.open(url, principal.token_id);
    if (principal.agent && principal.agent.id !== agent.agent_id) return null;
    return { tags: [agentTag(agent.agent_id)], attachment: newConnection(agent.agent_id, principal, this.#now) };
  }

  receive(socket: ObjectSocket, text: string): void {
    if (this.locks.has(socket)) return;
    const connection = this.#parts.connections.of(socket);
    const frame = parse(text);
    if (frame?.type === 'hello') this.#arrivals.hello(connection, frame);
    else if (frame && connection.attachment.instance_id !== null) this.#report(connection, frame);
    else {
      const reason = frame ? 'send hello before other frames' : 'not a control frame';
      this.#parts.connections.close(connection, CLOSE.protocol_error, reason);
    }
  }

  /** Keeps the agent's slots, because the agent continues its work without the socket. */
  closed(socket: ObjectSocket): void {
    if (this.locks.closed(socket)) return;
    const connection = this.#parts.connections.of(socket);
    const { closed, instance_id, agent_id, max } = connection.attachment;
    this.#parts.connections.update(connection, { closed: true });
    if (closed || instance_id === null || max !== undefined || this.#parts.connections.welcomed(agent_id).length > 0)
      return;
    this.#kit.store.transact(() => this.#parts.agents.setLastSeen(agent_id, this.#now));
  }

  unauthorized(socket: ObjectSocket): void {
    if (!this.locks.has(socket)) this.#parts.connections.touch(this.#parts.connections.of(socket).attachment.agent_id);
  }

  alarm(): void {
    runAlarm(this.#kit, handlerOf(this.#handlers));
  }

  #report(connection: Connection, { type, ...key }: Exclude<ControlUp, AgentHello>): void {
    const { agent_id } = connection.attachment;
    this.#kit.store.create(() => this.#parts.keeper.report(key, { type, agent_id }));
    this.#parts.connections.update(connection, { seen_at: this.#now });
  }

  /**
   * The handler of the review's deadline: stores when agents were seen, and deletes old agents and tombstones. After a
   * downtime it deletes no agent, because none could have been seen.
   */
  #review({ late_ms }: Due): void {
    const alive = this.#parts.connections.aliveAt();
    for (const { id, last_seen_at, idle_since, is_registered } of this.#parts.agents.lastSeen()) {
      const seenAt = Math.max(last_seen_at, alive.get(id) ?? 0);
      const keptFor = is_registered ? REGISTERED_KEPT_MS : AGENT_KEPT_MS;
      if (Math.max(seenAt, idle_since) <= this.#now - keptFor && !wasDownAt(late_ms)) this.#parts.agents.remove(id);
      else if (seenAt > last_seen_at) this.#parts.agents.setLastSeen(id, seenAt);
    }
    this.#parts.agents.recordOthers(RECORDED_AT_A_TIME);
    const anyEnded = this.#purge();
    if (anyEnded || !this.#parts.agents.isEmpty()) this.#kit.deadlines.set(DEADLINE.review, this.#now + REVIEW_MS);
  }

  /** Deletes some old tombstones, and the next ones in another transaction. @returns whether any may remain */
  #purge(): boolean {
    const { more, remain } = this.#parts.slots.purgeEnded(this.#now - TOMBSTONES_KEPT_MS);
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

function parse(text: string): ControlUp | null {
  return ControlUp().safeParse(parseJson(text)).data ?? null;
}
