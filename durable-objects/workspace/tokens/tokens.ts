import type { CodeClaims } from '../../../src/ports/workspace.ts';
import type { Role } from '../../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import type { CreateTokenRequest, TokenView } from '../../../src/protocol/workspace/token.ts';
import type { ObjectKit } from '../../kit/runtime.ts';
import { instant } from '../../kit/text.ts';

const TOKENS_MAX = 1_000;
const SIGN_IN_SECONDS = 604_800;
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

  create({ name, role, expires_in_seconds }: CreateTokenRequest): Outcome<TokenView> {
    const [count] = this.#kit.store.rows<{ tokens: number }>(`SELECT COUNT(*) AS tokens FROM tokens`);
    if (count!.tokens >= TOKENS_MAX) {
      return refuse('too_many_requests', `A workspace has at most ${TOKENS_MAX} tokens that have not expired.`);
    }
    return ok(this.#insert(name, role, expires_in_seconds));
  }

  /** Consumes the code and creates its token. */
  redeem({ id, expires_at, role }: CodeClaims): Outcome<TokenView> {
    const { store } = this.#kit;
    const used = store.row(`SELECT 1 FROM used_codes WHERE id = ?`, id);
    if (used || expires_at <= store.platform.now()) {
      return refuse('unauthorized', 'The code was used or has expired. Create another one.');
    }
    store.rows(`INSERT INTO used_codes (id, expires_at) VALUES (?, ?)`, id, expires_at);
    return ok(this.#insert('Sign-in', role, SIGN_IN_SECONDS));
  }

  /** The tokens that have not expired, newest first. */
  list(): TokenView[] {
    const { store } = this.#kit;
    const now = store.platform.now();
    return store
      .rows<TokenRow>(`SELECT * FROM tokens WHERE expires_at > ? ORDER BY created_at DESC, id`, now)
      .map(viewOf);
  }

  /** Revokes a token. A repeated call changes nothing and returns the same. */
  revoke(id: string): Outcome<TokenView> {
    const { store } = this.#kit;
    store.rows(`UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL`, store.platform.now(), id);
    const row = this.#find(id);
    return row ? ok(viewOf(row)) : NO_SUCH_TOKEN;
  }

  /** The ids of revoked tokens that have not expired. */
  revoked(): string[] {
    const rows = this.#kit.store.rows<{ id: string }>(`SELECT id FROM tokens WHERE revoked_at IS NOT NULL`);
    return rows.map(({ id }) => id);
  }

  isGood(id: string): boolean {
    return this.#find(id)?.revoked_at === null;
  }

  /** Deletes expired tokens and codes. @returns the ids of the deleted tokens */
  expire(): string[] {
    const { store } = this.#kit;
    const now = store.platform.now();
    const expired = store.rows<{ id: string }>(`DELETE FROM tokens WHERE expires_at <= ? RETURNING id`, now);
    store.rows(`DELETE FROM used_codes WHERE expires_at <= ?`, now);
    this.#setExpiry();
    return expired.map(({ id }) => id);
  }

  #insert(name: string, role: Role, seconds: number): TokenView {
    const { platform } = this.#kit.store;
    const created_at = platform.now();
    const expires_at = created_at + seconds * 1_000;
    const row: TokenRow = { id: platform.uuid(), name, role, created_at, expires_at, revoked_at: null };
    this.#kit.store.rows(
      `INSERT INTO tokens (id, name, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
      row.id,
      row.name,
      row.role,
      row.created_at,
      row.expires_at,
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
