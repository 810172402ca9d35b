import type { MiddlewareHandler } from 'hono';
import { type Claims, equalSecrets } from '../../application/token-signer.ts';
import { BoundedMap } from '../../domain/bounded-map.ts';
import { SOCKET_PROTOCOL, TICKET_PROTOCOL_PREFIX } from '../../protocol/common/socket.ts';
import { type Principal, revocableToken, STATIC_TOKEN_ID } from '../../protocol/workspace/token.ts';
import type { AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { refusal } from '../refusal.ts';
import type { OwnTokens } from './own-tokens.ts';
import type { Revocations } from './revocations.ts';

/** The id of the token in `OIO_TOKEN`. The list of tokens does not contain it, and it cannot be revoked. */
const STATIC_PRINCIPAL: Principal = { workspace: 'default', role: 'admin', token_id: STATIC_TOKEN_ID };

/** The number of verified tokens that this isolate caches. */
const MAX_VERIFIED = 1_000;

type Auth = Pick<Dependencies, 'signer' | 'staticToken' | 'effects'> & {
  revocations: Revocations;
  ownTokens: OwnTokens;
};

/** Authenticates requests. Every failure is `unauthorized` and does not say which part of a token was wrong. */
export class Authenticator {
  readonly #auth: Auth;
  /**
   * Signatures do not become invalid, so each token's signature is verified once. Expiry is checked at each request.
   */
  readonly #verified = new BoundedMap<string, { principal: Principal; expiresAt: number }>(MAX_VERIFIED);

  constructor(auth: Auth) {
    this.#auth = auth;
  }

  /** The principal of `Authorization: Bearer <token>`. */
  async byToken(request: Request): Promise<Principal> {
    const token = bearerOf(request);
    if (token === null) throw refusal('unauthorized', 'Send a token: Authorization: Bearer <token>.');
    const known = this.#verified.get(token) ?? (await this.#verify(token));
    if (!known || known.expiresAt <= this.#auth.effects.now()) {
      throw refusal('unauthorized', 'The token is invalid or has expired. Use another token.');
    }
    return this.#unlessRevoked(known.principal);
  }

  async #verify(token: string): Promise<{ principal: Principal; expiresAt: number } | null> {
    const { signer, staticToken } = this.#auth;
    const isStatic = staticToken !== null && (await equalSecrets(token, staticToken));
    const claims = isStatic ? null : await signer.verify(token, 'api');
    if (!isStatic && !claims) return null;
    const verified = claims
      ? { principal: principalOf(claims, claims.exp), expiresAt: claims.exp * 1_000 }
      : { principal: STATIC_PRINCIPAL, expiresAt: Number.POSITIVE_INFINITY };
    this.#verified.set(token, verified);
    return verified;
  }

  /**
   * The principal of a socket upgrade, from its token or from a ticket in its subprotocols. A ticket is valid only for
   * its path and for pages of its origin.
   */
  async bySocketUpgrade(request: Request): Promise<Principal> {
    const offered = protocolsOf(request);
    if (!offered.includes(SOCKET_PROTOCOL)) {
      throw refusal('malformed_request', `Offer the subprotocol ${SOCKET_PROTOCOL}.`);
    }
    const ticket = offered.find((name) => name.startsWith(TICKET_PROTOCOL_PREFIX));
    if (ticket === undefined) return this.byToken(request);
    const claims = await this.#auth.signer.verify(ticket.slice(TICKET_PROTOCOL_PREFIX.length), 'ticket');
    const path = new URL(request.url).pathname;
    if (!claims || claims.path !== path || claims.origin !== request.headers.get('Origin')) {
      throw refusal(
        'unauthorized',
        'The ticket has expired, or is not valid for this path and origin. Create a new ticket.',
      );
    }
    return this.#unlessRevoked(principalOf(claims, claims.token_exp));
  }

  async #unlessRevoked(principal: Principal): Promise<Principal> {
    const revocable = revocableToken(principal);
    if (revocable !== null && (await this.#auth.revocations.isRevoked(principal.workspace, revocable))) {
      throw refusal('unauthorized', 'The token was revoked. Use another token.');
    }
    const { workspace, agent, token_id } = principal;
    if (agent && !(await this.#auth.ownTokens.isValid(workspace, agent.id, token_id))) {
      throw refusal('unauthorized', 'The agent of this token was removed, or has another token by now.');
    }
    return principal;
  }
}

/** @param exp when the token expires, in seconds since the epoch; null for never */
function principalOf({ ws, role, jti, agent }: Claims, exp: number | null): Principal {
  const principal: Principal = { workspace: ws, role, token_id: jti, ...(agent && { agent }) };
  return exp === null ? principal : { ...principal, expires_at: exp * 1_000 };
}

/** Rejects requests without a valid token, except on paths whose handlers verify another credential. */
export function authenticated(authenticator: Authenticator, except: readonly string[]): MiddlewareHandler<AppEnv> {
  return async function authenticate(c, next) {
    if (!except.includes(c.req.path)) c.set('principal', await authenticator.byToken(c.req.raw));
    await next();
  };
}

/** The bearer token in the Authorization header; null when there is none. */
export function bearerOf(request: Request): string | null {
  return /^Bearer +(\S(?:.*\S)?) *$/i.exec(request.headers.get('Authorization') ?? '')?.[1] ?? null;
}

function protocolsOf(request: Request): string[] {
  return (request.headers.get('Sec-WebSocket-Protocol') ?? '').split(',').map((name) => name.trim());
}
