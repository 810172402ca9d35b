import { decode, sign, verify } from 'hono/jwt';
import * as z from 'zod';
import { BoundedMap } from '../domain/bounded-map.ts';
import { Role } from '../protocol/common/enums.ts';
import { WorkspaceId } from '../protocol/common/ids.ts';
import { type Infer, schema } from '../protocol/common/schema.ts';
import type { WorkspaceDigest } from './create-once.ts';

/** A key for signing and verifying. The header of a signed text names the key's id as `kid`. */
interface SigningKey {
  id: string;
  secret: string;
}

/** The claims of every use. */
const Common = schema(() =>
  z.object({
    ws: WorkspaceId(),
    role: Role(),
    /** The token's id. A ticket carries the id of the token that made it. */
    jti: z.string().min(1).max(100),
    /** Seconds since the epoch (RFC 7519 §2). */
    iat: z.int(),
    exp: z.int(),
    /** The agent whose own token it is, and the token that registered it; absent for all other tokens. */
    agent: z.object({ id: z.string().min(1).max(100), registered_by: z.string().min(1).max(100) }).optional(),
  }),
);

/** The claims of a signed text. A ticket opens one socket, a code creates one token, and neither can call the API. */
const Claims = schema(() =>
  z.discriminatedUnion('use', [
    Common().extend({ use: z.literal('api') }),
    Common().extend({
      use: z.literal('code'),
      /** The id of the token that made the code. */
      by: z.string().min(1).max(100),
    }),
    Common().extend({
      use: z.literal('ticket'),
      path: z.string(),
      origin: z.string().nullable(),
      /** When the token that made the ticket expires, in seconds since the epoch; null for never. */
      token_exp: z.int().nullable(),
    }),
  ]),
);
export type Claims = Infer<typeof Claims>;
type ClaimsOf<Use extends Claims['use']> = Extract<Claims, { use: Use }>;

const ALGORITHM = 'HS256';
const LONGEST_TOKEN = 4_096;
/** The number of workspaces whose keys this isolate caches. */
const MAX_WORKSPACE_KEYS = 1_000;
const encoder = new TextEncoder();

/** Signs and verifies the system's tokens, codes and tickets: JWTs with HMAC-SHA-256, under one of several keys. */
export class TokenSigner {
  readonly #keys: readonly SigningKey[];
  readonly #now: () => number;
  /** Holds keys and not promises of keys, because a promise of one request must not be awaited in another. */
  readonly #workspaceKeys = new BoundedMap<WorkspaceId, CryptoKey>(MAX_WORKSPACE_KEYS);

  constructor(keys: readonly SigningKey[], now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  /** Signs claims. The same claims give the same text while the signing key is the same. */
  sign(claims: Claims): Promise<string> {
    return sign(claims, jwk(this.#keys[0]!));
  }

  /** The claims of a text; null unless one of the keys has signed it for `use` and it has not expired. */
  async verify<Use extends Claims['use']>(text: string, use: Use): Promise<ClaimsOf<Use> | null> {
    if (text.length > LONGEST_TOKEN) return null;
    try {
      const kid = (decode(text).header as { kid?: unknown }).kid;
      const key = this.#keys.find(({ id }) => id === kid);
      if (!key) return null;
      // The injected clock checks the times below.
      const payload = await verify(text, jwk(key), { alg: ALGORITHM, exp: false, iat: false, nbf: false });
      const claims = Claims().safeParse(payload);
      if (!claims.success || claims.data.use !== use || claims.data.exp * 1_000 <= this.#now()) return null;
      return claims.data as ClaimsOf<Use>;
    } catch {
      // The text is not a valid token.
      return null;
    }
  }

  /**
   * HMAC with a secret of the workspace. The secret derives from the *last* key of the list, so that a new signing key
   * at the front changes nothing. If the last key is removed between a create request and its retry, the retry creates
   * a second session.
   */
  readonly digest: WorkspaceDigest = async (workspace, text) => {
    let key = this.#workspaceKeys.get(workspace);
    if (!key) {
      const root = await hmacKey(new Uint8Array(encoder.encode(this.#keys.at(-1)!.secret)));
      key = await hmacKey(await hmac(root, `workspace-secret/${workspace}`));
      this.#workspaceKeys.set(workspace, key);
    }
    return hmac(key, text);
  };
}

function jwk({ id, secret }: SigningKey) {
  const bytes = String.fromCharCode(...encoder.encode(secret));
  const k = btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return { kty: 'oct', alg: ALGORITHM, kid: id, k } as const;
}

function hmacKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

async function hmac(key: CryptoKey, text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)));
}

/** Whether two secrets are equal. The time of the comparison does not depend on where they differ. */
export async function equalSecrets(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([left, right].map(async (text) => new Uint8Array(await sha256(text))));
  return a!.reduce((difference, byte, index) => difference | (byte ^ b![index]!), 0) === 0;
}

/** SHA-256 of a text in UTF-8. */
export function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', encoder.encode(text));
}
