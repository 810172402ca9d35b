import { DurableObject } from 'cloudflare:workers';
import { consoleLogger } from '../../src/adapters/console-logger.ts';
import { partsOfName } from '../../src/adapters/objects/names.ts';
import { readObjectSettings } from '../../src/configuration/read.ts';
import { PRINCIPAL_HEADER } from '../../src/ports/calls.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { SessionApi } from '../../src/ports/sessions.ts';
import { parseCursor } from '../../src/protocol/common/cursor.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import { acceptSocket, durablePlatform, hibernatingSocket, takeMessage } from '../kit/durable-object.ts';
import { tokenTag } from '../kit/text.ts';
import { sessionConfigOf, sessionPortsOf } from './compose.ts';
import { NEW_WATCHER, WATCH_TAG } from './log/watchers.ts';
import { leaseTag, type RunAttachment } from './run/run-sockets.ts';
import { SessionRuntime } from './runtime.ts';

const WATCH_PATH = /^\/ws\/sessions\/[^/]+\/?$/;
const RUN_PATH = /^\/ws\/leases\/([^/]+)\/(\d{1,9})\/?$/;

type Args<M extends keyof SessionApi> = Parameters<SessionApi[M]>;

/** The object of a session: a shell that hands on to the runtime. */
export class Session extends DurableObject<Env> implements SessionApi {
  readonly #logger: Logger;
  readonly #runtime: SessionRuntime;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#logger = consoleLogger(readObjectSettings(env).OIO_LOG_LEVEL);
    const { workspace } = partsOfName(ctx.id.name ?? '');
    this.#runtime = new SessionRuntime(
      workspace,
      durablePlatform(ctx, this.#logger),
      sessionPortsOf(workspace, env),
      sessionConfigOf(env),
    );
  }

  create(...args: Args<'create'>): ReturnType<SessionApi['create']> {
    return this.#runtime.create(...args);
  }

  read(...args: Args<'read'>): ReturnType<SessionApi['read']> {
    return this.#runtime.read(...args);
  }

  update(...args: Args<'update'>): ReturnType<SessionApi['update']> {
    return this.#runtime.update(...args);
  }

  act(...args: Args<'act'>): ReturnType<SessionApi['act']> {
    return this.#runtime.act(...args);
  }

  remove(...args: Args<'remove'>): ReturnType<SessionApi['remove']> {
    return this.#runtime.remove(...args);
  }

  send(...args: Args<'send'>): ReturnType<SessionApi['send']> {
    return this.#runtime.send(...args);
  }

  approvals(...args: Args<'approvals'>): ReturnType<SessionApi['approvals']> {
    return this.#runtime.approvals(...args);
  }

  answer(...args: Args<'answer'>): ReturnType<SessionApi['answer']> {
    return this.#runtime.answer(...args);
  }

  events(...args: Args<'events'>): ReturnType<SessionApi['events']> {
    return this.#runtime.events(...args);
  }

  checkpoints(...args: Args<'checkpoints'>): ReturnType<SessionApi['checkpoints']> {
    return this.#runtime.checkpoints(...args);
  }

  requestCheckpoint(...args: Args<'requestCheckpoint'>): ReturnType<SessionApi['requestCheckpoint']> {
    return this.#runtime.requestCheckpoint(...args);
  }

  diff(...args: Args<'diff'>): ReturnType<SessionApi['diff']> {
    return this.#runtime.diff(...args);
  }

  artifactChunk(...args: Args<'artifactChunk'>): ReturnType<SessionApi['artifactChunk']> {
    return this.#runtime.artifactChunk(...args);
  }

  closeSockets(tokenId: string): Promise<void> {
    return this.#runtime.closeSockets(tokenId);
  }

  /** A socket's upgrade, by a watcher or by the agent of a lease, with the principal in `PRINCIPAL_HEADER`. */
  override fetch(request: Request): Response {
    const url = new URL(request.url);
    const header = request.headers.get(PRINCIPAL_HEADER);
    if (header === null) return new Response('a principal is needed', { status: 401 });
    const { workspace, token_id } = JSON.parse(header) as Principal;
    if (!this.#runtime.isOf(workspace)) return new Response('there is no such session', { status: 404 });
    if (WATCH_PATH.test(url.pathname)) return this.#watch(url.searchParams.get('after'), token_id);
    const run = RUN_PATH.exec(url.pathname);
    if (run) return this.#run(taskNumber(run[1]!), Number(run[2]), token_id);
    return new Response('there is no such socket', { status: 404 });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    takeMessage(this.ctx, this.#logger, socket, message, (from, text) => this.#runtime.receive(from, text));
  }

  override webSocketClose(socket: WebSocket): void {
    this.#runtime.closed(hibernatingSocket(this.ctx, socket));
  }

  override webSocketError(socket: WebSocket): void {
    this.#runtime.closed(hibernatingSocket(this.ctx, socket));
  }

  override alarm(): void {
    this.#runtime.alarm();
  }

  #watch(after: string | null, tokenId: string): Response {
    const { response, socket } = acceptSocket(this.ctx, [WATCH_TAG, tokenTag(tokenId)], NEW_WATCHER);
    this.#runtime.parts.watchers.greet(socket, after === null ? null : parseCursor(after));
    return response;
  }

  #run(task: number, epoch: number, tokenId: string): Response {
    const attachment: RunAttachment = { kind: 'run', task, epoch, connection: crypto.randomUUID(), presented: false };
    return acceptSocket(this.ctx, [leaseTag(task, epoch), tokenTag(tokenId)], attachment).response;
  }
}
