import { DurableObject } from 'cloudflare:workers';
import { consoleLogger } from '../../../src/adapters/console-logger.ts';
import { partsOfName } from '../../../src/adapters/objects/names.ts';
import { objectWorkspaces } from '../../../src/adapters/objects/stubs.ts';
import { readObjectSettings } from '../../../src/configuration/read.ts';
import { CALL_LEASE_HEADER, type Call, PRINCIPAL_HEADER, SOCKET_ID_HEADER } from '../../../src/ports/calls.ts';
import { boundLogger, errorFields } from '../../../src/ports/logger.ts';
import type { WorkspaceId } from '../../../src/protocol/common/ids.ts';
import { authorityOf, type Principal } from '../../../src/protocol/workspace/token.ts';
import { acceptSocket, durablePlatform, hibernatingSocket } from './durable-object.ts';
import type { ObjectPlatform } from './platform.ts';
import { attachmentFor, endSocketsOf, receiveFrame, recordOf, type SocketHolder, tokenTag } from './sockets.ts';

/** The close code after a frame whose handler threw (RFC 6455 §7.4.1). The client reconnects. */
const INTERNAL_ERROR = 1011;
/** Close codes that must not be sent (RFC 6455 §7.4.1). They report a missing code, a lost connection or failed TLS. */
const UNSENDABLE_CODES: ReadonlySet<number> = new Set([1005, 1006, 1015]);

/** The runtime behind a shell. */
export interface ObjectRuntime {
  alarm(): void;
  /** Absent if the object has no sockets. */
  readonly sockets?: SocketHolder;
}

/**
 * The base class of all Durable Objects. It builds the runtime over the platform once, and forwards the alarm and the
 * sockets to it. Subclasses forward the calls. The object's name contains its workspace.
 */
export abstract class ObjectShell<R extends ObjectRuntime> extends DurableObject<Env> {
  protected readonly runtime: R;
  readonly #platform: ObjectPlatform;
  readonly #workspace: WorkspaceId;

  /** @param object the name of the class, for log lines */
  constructor(
    ctx: DurableObjectState,
    env: Env,
    object: string,
    build: (workspace: WorkspaceId, platform: ObjectPlatform) => R,
  ) {
    super(ctx, env);
    const name = ctx.id.name ?? '';
    this.#workspace = partsOfName(name).workspace;
    const logger = boundLogger(consoleLogger(readObjectSettings(env).OIO_LOG_LEVEL), { object: `${object} ${name}` });
    this.#platform = durablePlatform(ctx, logger);
    this.runtime = build(this.#workspace, this.#platform);
  }

  /** Accepts a socket upgrade. The Worker has verified the principal in `PRINCIPAL_HEADER`. */
  override fetch(request: Request): Response {
    const header = request.headers.get(PRINCIPAL_HEADER);
    if (header === null) return new Response('the request has no principal', { status: 401 });
    const principal = JSON.parse(header) as Principal;
    const ours = principal.workspace === this.#workspace;
    const lease = JSON.parse(request.headers.get(CALL_LEASE_HEADER) ?? 'null') as Call['lease'] | null;
    const opening = ours ? this.runtime.sockets?.open(new URL(request.url), principal, lease) : null;
    if (!opening) return new Response('there is no such socket', { status: 404 });
    if ('full' in opening) return new Response(opening.full, { status: 429 });
    const tags = [...opening.tags, tokenTag(authorityOf(principal))];
    const { response, socket } = acceptSocket(
      this.ctx,
      tags,
      attachmentFor(opening, principal, request.headers.get(SOCKET_ID_HEADER)),
    );
    opening.opened?.(socket);
    this.#platform.logger('info', 'socket_opened', {
      socket: opening.tags[0],
      request_id: request.headers.get('x-request-id'),
      token_id: principal.token_id,
    });
    return response;
  }

  /** Closes the sockets that were opened with a token. */
  async closeSockets(tokenId: string): Promise<void> {
    if (this.runtime.sockets) endSocketsOf(this.runtime.sockets, this.#platform, tokenId);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const { sockets } = this.runtime;
    if (!sockets) return;
    try {
      const text = typeof message === 'string' ? message : '';
      receiveFrame(sockets, hibernatingSocket(this.ctx, socket), text, this.#platform.now());
    } catch (error) {
      this.#platform.logger('error', 'frame_failed', { socket: this.ctx.getTags(socket)[0], ...errorFields(error) });
      socket.close(INTERNAL_ERROR, 'try again');
    }
  }

  /** Echoes the peer's close code (RFC 6455 §5.5.1). The platform does not, and the peer would wait for the echo. */
  override webSocketClose(socket: WebSocket, code: number): void {
    this.#closed(socket, code);
    socket.close(UNSENDABLE_CODES.has(code) ? 1000 : code);
  }

  override webSocketError(socket: WebSocket): void {
    this.#closed(socket, null);
  }

  override alarm(): void {
    this.runtime.alarm();
  }

  #closed(socket: WebSocket, code: number | null): void {
    this.#platform.logger('info', 'socket_closed', { socket: this.ctx.getTags(socket)[0], code });
    const handle = hibernatingSocket(this.ctx, socket);
    this.runtime.sockets?.closed(handle);
    const record = recordOf(handle);
    if (record) this.ctx.waitUntil(this.#forget(record.token_id, record.socket_id));
  }

  /** If the call fails, the record stays until its token ends. */
  async #forget(tokenId: string, socketId: string): Promise<void> {
    try {
      await objectWorkspaces(this.env.WORKSPACE).of(this.#workspace).forgetSocket(tokenId, socketId);
    } catch (error) {
      this.#platform.logger('warn', 'socket_not_forgotten', errorFields(error));
    }
  }
}
