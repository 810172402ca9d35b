import type * as z from 'zod';
import { type Offeree, proofKey, proofOf } from '../../../durable-objects/kit/crypto/offer-proof.ts';
import { receiveFrame, tokenTag } from '../../../durable-objects/kit/platform/sockets.ts';
import { DEFAULT_SESSION_CONFIG, type SessionConfig } from '../../../durable-objects/session/config.ts';
import { NEW_WATCHER, WATCH_TAG } from '../../../durable-objects/session/log/watchers.ts';
import type { TaskRow } from '../../../durable-objects/session/rows.ts';
import { newRunSocket, RUN_TAG } from '../../../durable-objects/session/run/run-sockets.ts';
import { buildSession, type SessionRuntime } from '../../../durable-objects/session/runtime.ts';
import { applyEvents, emptyState, type SessionState } from '../../../src/domain/session/session-state.ts';
import type { AgentRegistryApi } from '../../../src/ports/agent-registry.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { ActionRequest } from '../../../src/ports/sessions.ts';
import { type Cursor, parseCursor } from '../../../src/protocol/common/cursor.ts';
import type { SessionStatus } from '../../../src/protocol/common/enums.ts';
import type { Failure, Outcome } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { EventPage, SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';
import type { SessionInclude, SessionView } from '../../../src/protocol/session/session.ts';
import { CreateGraphRequest } from '../../../src/protocol/session/task-requests.ts';
import { storedDeadlines } from '../../support/deadlines.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { FakeAgent } from './fake-agent.ts';
import { FakeDestinations } from './fake-destinations.ts';
import { FakeWatcher } from './fake-watcher.ts';

export const WORKSPACE = 'acme';
export const SESSION_ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
export const TASK_ID = taskIdOf(SESSION_ID, IMPLICIT_TASK);
export const TTL_MS = 60_000;
/** The token of agents that name none. */
export const AGENT_TOKEN = 'agent-token';

/** A request with all defaults, as the schema returns it. */
export function requested(changes: Record<string, unknown> = {}): CreateSessionRequest {
  return CreateSessionRequest().parse({ title: 'A session', initial_prompt: 'Do it', ...changes });
}

/** The value of an outcome that must be successful. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}

/** The failure of an outcome that must be refused. */
export function failureOf(outcome: Outcome<unknown>): Failure {
  if (outcome.ok) throw new Error('this was to be refused');
  return outcome.failure;
}

/** A task of a graph, of which everything has a default. */
export type NewTask = Partial<z.input<ReturnType<typeof CreateGraphRequest>>['tasks'][number]>;

export interface HarnessOptions {
  platform?: NodePlatform;
  config?: Partial<SessionConfig>;
  destinations?: FakeDestinations;
  registry?: AgentRegistryApi;
  /** Builds a new runtime for every step, as after an eviction. */
  evictBetweenSteps?: boolean;
}

/** A session's object in this process: the real runtime on SQLite in memory. This class plays the shell. */
export class SessionInProcess {
  readonly platform: NodePlatform;
  readonly destinations: FakeDestinations;
  readonly clients: FakeClient[] = [];
  readonly #options: HarnessOptions;
  #runtime: SessionRuntime;
  #connections = 0;

  constructor(options: HarnessOptions = {}) {
    this.#options = options;
    this.platform = options.platform ?? new NodePlatform();
    this.destinations = options.destinations ?? new FakeDestinations();
    this.#runtime = this.#build();
    this.platform.events = {
      message: (socket, text) => receiveFrame(this.runtime.sockets, socket, text, this.platform.now()),
      close: (socket) => this.runtime.sockets.closed(socket),
    };
  }

  get runtime(): SessionRuntime {
    if (this.#options.evictBetweenSteps) this.#runtime = this.#build();
    return this.#runtime;
  }

  #build(): SessionRuntime {
    const { directory, history } = this.destinations;
    const registry = this.#options.registry ?? this.destinations.registry;
    const config = { ...DEFAULT_SESSION_CONFIG, lease_ttl_ms: TTL_MS, ...this.#options.config };
    return buildSession(WORKSPACE, this.platform, { registry, directory, history }, config);
  }

  /** Memory is lost, and sockets stay. */
  evict(): void {
    this.#runtime = this.#build();
  }

  /** The object's host is down for `awayMs`: memory and sockets are lost without close events. */
  restart(awayMs: number): void {
    for (const client of this.clients) client.vanish();
    this.platform.clock += awayMs;
    this.#runtime = this.#build();
  }

  // --- Calls

  call(changes: Partial<Call['principal']> & { key?: string; fingerprint?: string } = {}): Call {
    const { key, fingerprint = 'same', ...principal } = changes;
    return {
      principal: { workspace: WORKSPACE, role: 'operator', token_id: 'tester', ...principal },
      request_id: 'request',
      idempotency: key === undefined ? null : { key, fingerprint },
    };
  }

  async create(changes: Record<string, unknown> = {}, call = this.call()): Promise<SessionView> {
    return unwrap(await this.runtime.create(call, SESSION_ID, requested(changes)));
  }

  async act(request: ActionRequest | 'start' | 'pause' | 'resume' | 'cancel'): Promise<SessionView> {
    return unwrap(await this.tryTo(request));
  }

  tryTo(request: ActionRequest | 'start' | 'pause' | 'resume' | 'cancel'): Promise<Outcome<SessionView>> {
    return this.runtime.act(this.call(), typeof request === 'string' ? { action: request } : request);
  }

  async view(include: SessionInclude[] = ['tasks', 'checkpoints', 'approvals', 'usage']): Promise<SessionView> {
    return unwrap(await this.runtime.read(this.call(), include));
  }

  async status(): Promise<SessionStatus> {
    return (await this.view()).status;
  }

  /** The whole log, page by page. */
  async events(): Promise<SessionEvent[]> {
    const events: SessionEvent[] = [];
    for (let cursor: Cursor | null = null; ; ) {
      const page: EventPage = unwrap(await this.runtime.events(this.call(), cursor, 500));
      events.push(...page.items);
      if (!page.has_more) return events;
      cursor = parseCursor(page.cursor);
    }
  }

  /** The fold of the base and all later events. */
  async folded(): Promise<SessionState> {
    const base = this.platform.exec(`SELECT data FROM log_base ORDER BY part`, []).map((row) => String(row.data));
    const below = base.length > 0 ? (JSON.parse(base.join('')) as SessionState) : emptyState();
    return applyEvents(below, await this.events());
  }

  row<T = Record<string, unknown>>(table: string, where = '1'): T | undefined {
    return this.rows<T>(table, where)[0];
  }

  rows<T = Record<string, unknown>>(table: string, where = '1'): T[] {
    return this.platform.exec(`SELECT * FROM ${table} WHERE ${where}`, []) as T[];
  }

  dueAt(name: string): number | null {
    return storedDeadlines(this.platform)[name] ?? null;
  }

  // --- Time

  /** Waits for background work, and deletes delivered rows as the next commit would. */
  async settle(): Promise<void> {
    await this.platform.settle();
  }

  advance(ms: number): Promise<void> {
    return this.platform.advance(ms, () => this.runtime.alarm());
  }

  /** Advances the time while the host is down. The alarm fires when it is back. */
  async alarmLate(): Promise<void> {
    this.platform.fireAlarm(() => this.runtime.alarm());
    await this.settle();
  }

  // --- The other sides of its sockets

  openRun(epoch: number, tokenId = AGENT_TOKEN, task = IMPLICIT_TASK): FakeClient {
    const { kit, records } = this.runtime.parts;
    const task_id = taskIdOf(kit.store.created ? records.session().id : SESSION_ID, task);
    const attachment = newRunSocket(task_id, epoch, { token_id: tokenId }, `connection-${++this.#connections}`);
    return this.#open([RUN_TAG, tokenTag(tokenId)], attachment);
  }

  /** The proof that the registry gives to an agent with its offer. */
  proofFor(epoch: number, agent: Omit<Offeree, 'token_id'>, tokenId = AGENT_TOKEN, task = IMPLICIT_TASK): string {
    const { kit, records } = this.runtime.parts;
    const secret = kit.store.created ? records.session().offer_secret : '';
    return proofOf(proofKey(secret, task, epoch), { ...agent, token_id: tokenId });
  }

  openWatch(after: string | null = null, tokenId = 'viewer-token'): FakeClient {
    const client = this.#open([WATCH_TAG, tokenTag(tokenId)], NEW_WATCHER);
    this.runtime.parts.watchers.greet(client.socket, after === null ? null : parseCursor(after));
    return client;
  }

  #open(tags: string[], attachment: unknown): FakeClient {
    const client = this.platform.connect(tags, attachment);
    this.clients.push(client);
    return client;
  }

  /** An agent that has an offer of this epoch and has not claimed it yet. */
  agent(epoch = 1, name = 'AGENT-ONE', task = IMPLICIT_TASK): FakeAgent {
    return new FakeAgent(this, epoch, name, task);
  }

  /** The next agent of a task, with an offer of the task's current epoch. */
  agentOf(task: number, name = `AGENT-${task}`): FakeAgent {
    return this.agent(this.task(task).epoch, name, task);
  }

  task(number: number): TaskRow {
    return this.row<TaskRow>('tasks', `number = ${number}`)!;
  }

  /** Adds tasks to the session's graph. @returns their ids */
  async addTasks(...tasks: NewTask[]): Promise<string[]> {
    return unwrap(await this.tryToAddTasks(tasks)).task_ids;
  }

  /** Asks for tasks. @param graph_version the version that they are meant for; any by default */
  tryToAddTasks(tasks: readonly NewTask[], graph_version?: number) {
    const full = tasks.map((task, index) => ({ title: `Task ${index}`, description: `Do part ${index}`, ...task }));
    return this.runtime.createTasks(this.call(), CreateGraphRequest().parse({ tasks: full, graph_version }));
  }

  /** A session with `count` tasks and a prompt for each, added through its real parts. */
  async createWithTasks(count: number, changes: Record<string, unknown> = {}): Promise<void> {
    await this.create(changes);
    const { kit, storedGraph, messages } = this.runtime.parts;
    kit.store.transact(() => {
      for (let number = 2; number <= count; number++) {
        storedGraph.add(`Task ${number}`);
        messages.add(number, `Do part ${number}`, 'follow_up', 'tester');
      }
    });
  }

  /** A started session with a working agent. */
  async begun(changes: Record<string, unknown> = {}): Promise<FakeAgent> {
    await this.create(changes);
    await this.act('start');
    return this.agent().connect();
  }

  watcher(): FakeWatcher {
    return new FakeWatcher(this);
  }
}
