import type { Call } from '../../src/ports/calls.ts';
import type { CodeClaims, SocketPlace, StoredTemplate } from '../../src/ports/workspace.ts';
import { type Outcome, ok } from '../../src/protocol/common/errors.ts';
import type { WorkspaceId } from '../../src/protocol/common/ids.ts';
import { FIRST_PAGE, type Page, type PageQuery } from '../../src/protocol/common/page.ts';
import type { BulkResult } from '../../src/protocol/session/bulk.ts';
import type { TemplateBody } from '../../src/protocol/workspace/task-template.ts';
import { type CreateTokenRequest, revocableToken, type TokenView } from '../../src/protocol/workspace/token.ts';
import { Calls } from '../kit/calls/calls.ts';
import type { Destination } from '../kit/delivery/outbox.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { WORKSPACE_SCHEMA } from './schema.ts';
import { NO_SUCH_TEMPLATE, Templates } from './templates.ts';
import { CLOSING, OpenSockets, SOCKET_HOLDERS } from './tokens/open-sockets.ts';
import { EXPIRY, NO_SUCH_TOKEN, Tokens } from './tokens/tokens.ts';

/** Builds the workspace's parts. @param closeSockets delivers a `SocketClosing` */
export function buildWorkspace(
  workspace: WorkspaceId,
  platform: ObjectPlatform,
  closeSockets: Destination['deliver'],
): WorkspaceRuntime {
  const kit = buildKit(platform, WORKSPACE_SCHEMA, [{ name: SOCKET_HOLDERS, deliver: closeSockets }]);
  const calls = new Calls(kit, { workspace, absent: NO_SUCH_TOKEN });
  return new WorkspaceRuntime(kit, calls, new Tokens(kit), new OpenSockets(kit), new Templates(kit));
}

/** The runtime of a workspace (`WorkspaceApi`): its tokens and templates, and the results of bulk requests. */
export class WorkspaceRuntime {
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #tokens: Tokens;
  readonly #sockets: OpenSockets;
  readonly #templates: Templates;

  constructor(kit: ObjectKit, calls: Calls, tokens: Tokens, sockets: OpenSockets, templates: Templates) {
    this.#kit = kit;
    this.#calls = calls;
    this.#tokens = tokens;
    this.#sockets = sockets;
    this.#templates = templates;
  }

  templates(call: Call): Outcome<StoredTemplate[]> {
    return this.#calls.read('templates', call, () => ok(this.#kit.store.created ? this.#templates.list() : []));
  }

  putTemplate(call: Call, name: string, body: TemplateBody): Outcome<StoredTemplate> {
    return this.#calls.create('putTemplate', call, () => this.#templates.put(name, body));
  }

  deleteTemplate(call: Call, name: string): Outcome<null> {
    if (!this.#kit.store.created) return this.#calls.read('deleteTemplate', call, () => NO_SUCH_TEMPLATE);
    return this.#calls.change('deleteTemplate', call, () => this.#templates.remove(name));
  }

  createToken(call: Call, request: CreateTokenRequest): Outcome<TokenView> {
    return this.#current(
      this.#calls.create('createToken', call, () => this.#tokens.create(request, revocableToken(call.principal))),
    );
  }

  redeemCode(call: Call, code: CodeClaims): Outcome<TokenView> {
    return this.#current(this.#calls.create('redeemCode', call, () => this.#tokens.redeem(code)));
  }

  listTokens(call: Call, page: PageQuery = FIRST_PAGE): Outcome<Page<TokenView>> {
    return this.#calls.read('listTokens', call, () =>
      this.#kit.store.created ? this.#tokens.list(page) : ok({ items: [], next_cursor: null }),
    );
  }

  revokeToken(call: Call, id: string): Outcome<TokenView> {
    return this.#calls.change('revokeToken', call, () => {
      const { token, revoked } = this.#tokens.revoke(id);
      for (const ended of revoked) this.#sockets.close(ended);
      return token;
    });
  }

  revokedTokens(usedToken?: string): string[] {
    const { store } = this.#kit;
    return this.#calls.internal('debug', 'revokedTokens', {}, () => {
      if (!store.created) return [];
      if (usedToken !== undefined && this.#tokens.isUseNews(usedToken)) {
        store.transact(() => this.#tokens.recordUse(usedToken));
      }
      return this.#tokens.revoked();
    });
  }

  recordSocket(tokenId: string, socketId: string, place: SocketPlace): boolean {
    const { store } = this.#kit;
    return this.#calls.internal('debug', 'recordSocket', { token_id: tokenId, ...place }, () => {
      if (!store.created || !this.#tokens.isGood(tokenId)) return false;
      store.transact(() => this.#sockets.note(tokenId, socketId, place));
      return true;
    });
  }

  forgetSocket(tokenId: string, socketId: string): void {
    const { store } = this.#kit;
    this.#calls.internal('debug', 'forgetSocket', { token_id: tokenId }, () => {
      if (store.created) store.transact(() => this.#sockets.forget(tokenId, socketId));
    });
  }

  claimBulk(call: Call): Outcome<BulkResult | null> {
    return this.#calls.create<BulkResult | null>('claimBulk', call, () => ok(null));
  }

  storeBulk(call: Call, result: BulkResult): void {
    const { store, idempotency } = this.#kit;
    this.#calls.answer('info', 'storeBulk', call, () => store.transact(() => idempotency.keep(call, ok(result))));
  }

  alarm(): void {
    runAlarm(this.#kit, (name) => {
      if (name === EXPIRY) for (const id of this.#tokens.expire()) this.#sockets.close(id);
      if (name.startsWith(CLOSING)) this.#sockets.close(name.slice(CLOSING.length));
    });
  }

  /** A repeated request gets the token's current view, because the token may have been revoked since. */
  #current(made: Outcome<TokenView>): Outcome<TokenView> {
    return made.ok ? ok(this.#tokens.view(made.value.id) ?? made.value) : made;
  }
}
