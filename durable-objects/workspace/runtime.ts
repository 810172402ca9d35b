import type { Call } from '../../src/ports/calls.ts';
import type { SocketPlace } from '../../src/ports/workspace.ts';
import type { Role } from '../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import type { BulkResult } from '../../src/protocol/session/bulk.ts';
import type { CreateTokenRequest, TokenView } from '../../src/protocol/workspace/token.ts';
import { IDEMPOTENCY_DEADLINE, Idempotency } from '../kit/idempotency.ts';
import type { Lane } from '../kit/outbox.ts';
import type { ObjectPlatform } from '../kit/platform.ts';
import { buildKit, type ObjectKit, runAlarm } from '../kit/runtime.ts';
import { instant } from '../kit/text.ts';
import { WORKSPACE_SCHEMA } from './schema.ts';

const SIGN_IN_SECONDS = 604_800;
/** When the next token or used code expires. */
const EXPIRY = 'expiry';
const MAX_TOKENS = 1_000;
/** A revoked token's sockets are closed a second time after this long: one may have been on its way to its object. */
const CLOSE_AGAIN_MS = 30_000;
const CLOSE_AGAIN = 'close_again:';
const CLOSE_SOCKETS_LANE = 'close_sockets';

/** What a row of the lane `close_sockets` asks for. */
export interface SocketClosing {
  token_id: string;
  place: SocketPlace;
}

interface TokenRow {
  id: string;
  name: string;
  role: Role;
  created_at: number;
  expires_at: number;
  revoked_at: number | null;
}

/**
 * A workspace's tokens. The tokens' texts are never here: they are signed from these rows. A token that is revoked or
 * has expired takes its sockets with it, by an outbox: what holds them may be away just now.
 */
export class WorkspaceRuntime {
  readonly kit: ObjectKit;
  readonly #idempotency: Idempotency;

  constructor(platform: ObjectPlatform, closeSockets: Lane['deliver']) {
    this.kit = buildKit(platform, WORKSPACE_SCHEMA, [{ name: CLOSE_SOCKETS_LANE, deliver: closeSockets }]);
    this.#idempotency = new Idempotency(this.kit.store, this.kit.deadlines);
  }

  createToken(call: Call, request: CreateTokenRequest): Outcome<TokenView> {
    const { store } = this.kit;
    return store.create(() =>
      this.#idempotency.once(call, () => {
        const [count] = store.rows<{ tokens: number }>(`SELECT COUNT(*) AS tokens FROM tokens`);
        if (count!.tokens >= MAX_TOKENS) {
          return refuse('too_many_requests', `A workspace has at most ${MAX_TOKENS} tokens that have not expired.`);
        }
        return ok(this.#insert(request.name, request.role, request.expires_in_seconds));
      }),
    );
  }

  listTokens(): Outcome<TokenView[]> {
    const { store } = this.kit;
    if (!store.created) return ok([]);
    const rows = store.rows<TokenRow>(
      `SELECT * FROM tokens WHERE expires_at > ? ORDER BY created_at DESC, id`,
      store.platform.now(),
    );
    return ok(rows.map(viewOf));
  }

  /** Revoking again changes nothing and answers the same. */
  revokeToken(id: string): Outcome<TokenView> {
    const { store, deadlines } = this.kit;
    const absent = refuse('not_found', 'There is no such token.');
    if (!store.created) return absent;
    return store.transact(() => {
      store.rows(`UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL`, store.platform.now(), id);
      const row = store.row<TokenRow>(`SELECT * FROM tokens WHERE id = ?`, id);
      if (!row) return absent;
      this.#closeSockets(id);
      deadlines.set(CLOSE_AGAIN + id, store.platform.now() + CLOSE_AGAIN_MS);
      return ok(viewOf(row));
    });
  }

  redeemCode(call: Call, code: { id: string; expires_at: number; role: Role }): Outcome<TokenView> {
    const { store } = this.kit;
    return store.create(() =>
      this.#idempotency.once(call, () => {
        const used = store.row(`SELECT 1 FROM used_codes WHERE id = ?`, code.id);
        if (used || code.expires_at <= store.platform.now()) {
          return refuse('unauthorized', 'The code has been used or has expired; make another.');
        }
        store.rows(`INSERT INTO used_codes (id, expires_at) VALUES (?, ?)`, code.id, code.expires_at);
        return ok(this.#insert('Sign-in', code.role, SIGN_IN_SECONDS));
      }),
    );
  }

  revokedTokens(): string[] {
    const { store } = this.kit;
    if (!store.created) return [];
    return store.rows<{ id: string }>(`SELECT id FROM tokens WHERE revoked_at IS NOT NULL`).map(({ id }) => id);
  }

  noteSocket(tokenId: string, place: SocketPlace): boolean {
    const { store } = this.kit;
    if (!store.created) return false;
    const token = store.row<TokenRow>(`SELECT * FROM tokens WHERE id = ?`, tokenId);
    if (!token || token.revoked_at !== null) return false;
    const known = store.row(
      `SELECT 1 FROM socket_places WHERE token_id = ? AND kind = ? AND place_id = ?`,
      tokenId,
      place.kind,
      place.id,
    );
    if (known) return true;
    store.transact(() =>
      store.rows(
        `INSERT INTO socket_places (token_id, kind, place_id) VALUES (?, ?, ?)`,
        tokenId,
        place.kind,
        place.id,
      ),
    );
    return true;
  }

  claimBulk(call: Call): Outcome<BulkResult | null> {
    return this.kit.store.create(() => this.#idempotency.once<BulkResult | null>(call, () => ok(null)));
  }

  keepBulk(call: Call, result: BulkResult): void {
    this.kit.store.transact(() => this.#idempotency.keep(call, ok(result)));
  }

  alarm(): void {
    runAlarm(this.kit, (name) => {
      if (name === IDEMPOTENCY_DEADLINE) this.#idempotency.purge();
      if (name === EXPIRY) this.#expire();
      if (name.startsWith(CLOSE_AGAIN)) this.#closeSockets(name.slice(CLOSE_AGAIN.length));
    });
  }

  #insert(name: string, role: Role, seconds: number): TokenView {
    const { store, deadlines } = this.kit;
    const { platform } = store;
    const created_at = platform.now();
    const row: TokenRow = {
      id: platform.uuid(),
      name,
      role,
      created_at,
      expires_at: created_at + seconds * 1_000,
      revoked_at: null,
    };
    store.rows(
      `INSERT INTO tokens (id, name, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
      row.id,
      row.name,
      row.role,
      row.created_at,
      row.expires_at,
    );
    deadlines.set(EXPIRY, this.#nextExpiry()!);
    return viewOf(row);
  }

  #expire(): void {
    const { store, deadlines } = this.kit;
    const now = store.platform.now();
    for (const { id } of store.rows<{ id: string }>(`SELECT id FROM tokens WHERE expires_at <= ?`, now)) {
      this.#closeSockets(id);
      store.rows(`DELETE FROM socket_places WHERE token_id = ?`, id);
    }
    store.rows(`DELETE FROM tokens WHERE expires_at <= ?`, now);
    store.rows(`DELETE FROM used_codes WHERE expires_at <= ?`, now);
    const next = this.#nextExpiry();
    if (next !== null) deadlines.set(EXPIRY, next);
  }

  #nextExpiry(): number | null {
    const row = this.kit.store.row<{ next: number | null }>(
      `SELECT MIN(next) AS next FROM
         (SELECT MIN(expires_at) AS next FROM tokens UNION ALL SELECT MIN(expires_at) FROM used_codes)`,
    );
    return row?.next ?? null;
  }

  #closeSockets(tokenId: string): void {
    const { store, outbox } = this.kit;
    const places = store.rows<{ kind: SocketPlace['kind']; place_id: string }>(
      `SELECT kind, place_id FROM socket_places WHERE token_id = ?`,
      tokenId,
    );
    for (const { kind, place_id } of places) {
      const closing: SocketClosing = { token_id: tokenId, place: { kind, id: place_id } };
      outbox.put(CLOSE_SOCKETS_LANE, `${tokenId}/${kind}/${place_id}`, closing);
    }
  }
}

function viewOf({ id, name, role, created_at, expires_at, revoked_at }: TokenRow): TokenView {
  return {
    id,
    name,
    role,
    created_at: instant(created_at),
    expires_at: instant(expires_at),
    revoked_at: revoked_at === null ? null : instant(revoked_at),
  };
}
