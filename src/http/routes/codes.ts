import { ok, refuse } from '../../protocol/common/errors.ts';
import { STATIC_TOKEN_ID } from '../../protocol/workspace/token.ts';
import { bearerOf } from '../auth/authenticate.ts';
import { callOf } from '../call.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { withText } from './tokens.ts';

const CODE_SECONDS = 600;

/** Handlers for one-time codes. A sign-in link has the code in its fragment, which is sent to no server. */
export function codeHandlers({ signer, workspaces, effects }: Dependencies) {
  return {
    createCode: async ({ call, body: { role } }) => {
      const { workspace: ws, token_id: by } = call.principal;
      const iat = Math.floor(effects.now() / 1_000);
      const exp = iat + CODE_SECONDS;
      const code = await signer.sign({ use: 'code', ws, role, jti: effects.uuid(), by, iat, exp });
      return ok({ code, expires_at: new Date(exp * 1_000).toISOString() });
    },
    redeemCode: async ({ body }, c) => {
      const text = bearerOf(c.req.raw);
      const claims = text === null ? null : await signer.verify(text, 'code');
      if (!claims) return refuse('unauthorized', 'The code is invalid or has expired. Create another one.');
      c.set('principal', { workspace: claims.ws, role: claims.role, token_id: claims.jti });
      const by = claims.by === STATIC_TOKEN_ID ? null : claims.by;
      const code = { id: claims.jti, expires_at: claims.exp * 1_000, role: claims.role, by };
      return withText(signer, claims.ws, await workspaces.of(claims.ws).redeemCode(await callOf(c, body), code));
    },
  } satisfies SomeHandlers;
}
