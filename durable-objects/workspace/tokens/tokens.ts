import type { CodeClaims } from '../../../src/ports/workspace.ts';
import type { Role } from '../../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { MAX_REVOKED_TOKENS, MAX_SIGN_INS, MAX_TOKENS } from '../../../src/protocol/common/limits.ts';
import type { Page, PageQuery } from '../../../src/protocol/common/page.ts';
import type { CreateTokenRequest, TokenView } from '../../../src/protocol/workspace/token.ts';
import type { ObjectKit } from '../../kit/runtime.ts';
import { Keyset } from '../../kit/storage/keyset.ts';
import { instant } from '../../kit/text.ts';

const NEWEST_FIRST = new Keyset('tokens', [{ sql: 'created_at', descending: true }, { sql: 'id' }]);
/** How exact a token's last use is. */
const USE_RESOLUTION_MS = 3_600_000;
const SIGN_IN_SECONDS = 604_800;
/** The `signed_in_by` of a sign-in with a code that `OIO_TOKEN` made. */
const BY_STATIC_TOKEN = '';
/** The deadline at which the next token or used code expires. */
export const EXPIRY = 'expiry';

export const NO_SUCH_TOKEN = refuse('not_found', 'There is no such token.');

interface TokenRow {
  id: string;
  name: string;
  role: Role;
  created_at: number;
  expires_at: number;
  revoked_at: number | null;
  last_used_at: number | null;
  created_by: string | null;
  signed_in_by: string | null;
}

/**
 * The records of a workspace's tokens, and the ids of used codes. The tokens' texts are never stored. Methods that
 * write must run inside a transaction.
 */
export class Tokens {
  readonly #kit: ObjectKit;

  constructor(kit: ObjectKit) {
    this.#kit = kit;
  }

  /** @param by the id of the token that asks; null if it cannot end */
  create({ name, role, expires_in_seconds }: CreateTokenRequest, by: string | null): Outcome<TokenView> {
    // An isolate may not know of a revocation yet. A token that it lets the revoked one create would outlive it. A token
    // without a record is valid: an operator has signed it with the deployment's key, to begin a workspace.
    const maker = by === null ? undefined : this.#find(by);
    if (maker && !isValid(maker, this.#kit.store.platform.now())) {
      return refuse('unauthorized', 'This token is no longer valid.');
    }
    const { tokens, revoked } = this.#count();
    if (tokens >= MAX_TOKENS) {
      return refuse(
        'limit_reached',
        `A workspace has at most ${MAX_TOKENS} tokens. Revoke a token that is not needed.`,
      );
    }
    if (revoked >= MAX_REVOKED_TOKENS) {
      const many = `The workspace has ${MAX_REVOKED_TOKENS} revoked tokens, which count until they expire.`;
      return refuse('limit_reached', `${many} Wait until some expire, and create tokens with a shorter lifetime.`);
    }
    return ok(this.#insert({ name, role, seconds: expires_in_seconds, created_by: by, signed_in_by: null }));
  }

  /** Consumes the code and creates its token. */
  redeem({ id, expires_at, role, by }: CodeClaims): Outcome<TokenView> {
    const { store } = this.#kit;
    const now = store.platform.now();
    const used = store.row(`SELECT 1 FROM used_codes WHERE id = ?`, id);
    if (used || expires_at <= now) {
      return refuse('unauthorized', 'The code was used or has expired. Create a new code.');
    }
    const maker = by === null ? null : this.#find(by);
    if (maker === undefined || (maker && !isValid(maker, now))) {
      return refuse(
        'unauthorized',
        'The token that made this code is no longer valid. Create a code with another token.',
      );
    }
    if (this.#count().signIns >= MAX_SIGN_INS) {
      return refuse('limit_reached', `A workspace has at most ${MAX_SIGN_INS} sign-ins. Revoke one of them.`);
    }
    store.rows(`INSERT INTO used_codes (id, expires_at) VALUES (?, ?)`, id, expires_at);
    // A sign-in expires no later than the token that made its code.
    const seconds = maker ? Math.min(SIGN_IN_SECONDS, (maker.expires_at - now) / 1_000) : SIGN_IN_SECONDS;
    return ok(this.#insert({ name: 'Sign-in', role, seconds, created_by: by, signed_in_by: by ?? BY_STATIC_TOKEN }));
  }

  /** A page of the tokens that have not expired, newest first. */
  list(page: PageQuery): Outcome<Page<TokenView>> {
    const { store } = this.#kit;
    const valid = { select: '*', from: 'tokens', where: 'expires_at > ?', bindings: [store.platform.now()] };
    const rows = NEWEST_FIRST.page<TokenRow>(store, valid, page);
    return rows.ok ? ok({ ...rows.value, items: rows.value.items.map(viewOf) }) : rows;
  }

  /**
   * Revokes a token, and every token that it or its codes have made. A repeated call changes nothing.
   * @returns the token, and the ids of the tokens that this call has revoked
   */
  revoke(id: string): { token: Outcome<TokenView>; revoked: string[] } {
    const { store } = this.#kit;
    const revoked = store.rows<{ id: string }>(
      `WITH RECURSIVE family (id) AS (
         SELECT id FROM tokens WHERE id = ?
         UNION SELECT tokens.id FROM tokens JOIN family ON tokens.created_by = family.id
       )
       UPDATE tokens SET revoked_at = ? WHERE revoked_at IS NULL AND id IN (SELECT id FROM family) RETURNING id`,
      id,
      store.platform.now(),
    );
    const row = this.#find(id);
    return { token: row ? ok(viewOf(row)) : NO_SUCH_TOKEN, revoked: revoked.map((token) => token.id) };
  }

  /** The token as it is now; undefined when it has been deleted. */
  view(id: string): TokenView | undefined {
    const row = this.#find(id);
    return row && viewOf(row);
  }

  /** The ids of revoked tokens that have not expired. */
  revoked(): string[] {
    const rows = this.#kit.store.rows<{ id: string }>(`SELECT id FROM tokens WHERE revoked_at IS NOT NULL`);
    return rows.map(({ id }) => id);
  }

  isGood(id: string): boolean {
    const row = this.#find(id);
    return row !== undefined && isValid(row, this.#kit.store.platform.now());
  }

  /** Whether a use of the token now is to be recorded: a valid token's, at most once an hour. */
  isUseNews(id: string): boolean {
    const row = this.#find(id);
    const now = this.#kit.store.platform.now();
    return row !== undefined && isValid(row, now) && now - (row.last_used_at ?? 0) >= USE_RESOLUTION_MS;
  }

  recordUse(id: string): void {
    const { store } = this.#kit;
    store.rows(`UPDATE tokens SET last_used_at = ? WHERE id = ?`, store.platform.now(), id);
  }

  /**
   * Deletes expired tokens and codes. What an expired token has made passes to the token that had made it, so that a
   * revocation still reaches it.
   * @returns the ids of the deleted tokens
   */
  expire(): string[] {
    const { store } = this.#kit;
    const now = store.platform.now();
    const expired = store.rows<{ id: string }>(`SELECT id FROM tokens WHERE expires_at <= ?`, now);
    for (const { id } of expired) {
      store.rows(
        `UPDATE tokens SET created_by = (SELECT created_by FROM tokens WHERE id = ?) WHERE created_by = ?`,
        id,
        id,
      );
      store.rows(`DELETE FROM tokens WHERE id = ?`, id);
    }
    store.rows(`DELETE FROM used_codes WHERE expires_at <= ?`, now);
    this.#setExpiry();
    return expired.map(({ id }) => id);
  }

  #count(): { tokens: number; signIns: number; revoked: number } {
    return this.#kit.store.row<{ tokens: number; signIns: number; revoked: number }>(
      `SELECT COUNT(IIF(revoked_at IS NULL AND signed_in_by IS NULL, 1, NULL)) AS tokens,
              COUNT(IIF(revoked_at IS NULL AND signed_in_by IS NOT NULL, 1, NULL)) AS signIns,
              COUNT(revoked_at) AS revoked FROM tokens WHERE expires_at > ?`,
      this.#kit.store.platform.now(),
    )!;
  }

  #insert(given: Pick<TokenRow, 'name' | 'role' | 'created_by' | 'signed_in_by'> & { seconds: number }): TokenView {
    const { platform } = this.#kit.store;
    const { name, role, seconds, ...makers } = given;
    const created_at = platform.now();
    const expires_at = created_at + seconds * 1_000;
    const ends = { revoked_at: null, last_used_at: null };
    const row: TokenRow = { id: platform.uuid(), name, role, created_at, expires_at, ...ends, ...makers };
    this.#kit.store.rows(
      `INSERT INTO tokens (id, name, role, created_at, expires_at, created_by, signed_in_by)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.name,
      row.role,
      row.created_at,
      row.expires_at,
      row.created_by,
      row.signed_in_by,
    );
    this.#setExpiry();
    return viewOf(row);
  }

  #find(id: string): TokenRow | undefined {
    return this.#kit.store.row<TokenRow>(`SELECT * FROM tokens WHERE id = ?`, id);
  }

  #setExpiry(): void {
    const { store, deadlines } = this.#kit;
    const next = store.row<{ at: number | null }>(
      `SELECT MIN(at) AS at FROM
         (SELECT MIN(expires_at) AS at FROM tokens UNION ALL SELECT MIN(expires_at) FROM used_codes)`,
    )?.at;
    if (next != null) deadlines.set(EXPIRY, next);
  }
}

function isValid({ revoked_at, expires_at }: TokenRow, now: number): boolean {
  return revoked_at === null && expires_at > now;
}

function viewOf(row: TokenRow): TokenView {
  const { id, name, role, created_by, created_at, expires_at, revoked_at, last_used_at } = row;
  return {
    id,
    name,
    role,
    created_by,
    created_at: instant(created_at),
    expires_at: instant(expires_at),
    revoked_at: revoked_at === null ? null : instant(revoked_at),
    last_used_at: last_used_at === null ? null : instant(last_used_at),
  };
}
