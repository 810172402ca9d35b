import { createRoute } from '@hono/zod-openapi';
import { CreatedToken, SignInCode } from '../../protocol/workspace/token.ts';
import { bearerOf } from '../auth/authenticate.ts';
import { needs } from '../auth/roles.ts';
import { callOf } from '../call.ts';
import type { Dependencies } from '../dependencies.ts';
import { refusal, unwrap } from '../refusal.ts';
import { body, createRouter, idempotent, json, NoMembers, problems } from '../route.ts';
import { withText } from './tokens.ts';

/** Where a code is the credential: no token is asked for. */
export const REDEEM_PATH = '/api/v1/codes/redeem';
const CODE_SECONDS = 600;
const tags = ['Tokens'];

const create = createRoute({
  method: 'post',
  path: '/api/v1/codes',
  tags,
  summary: 'Make a one-time code to sign in to the dashboard with',
  ...needs('administer'),
  request: { body: body(NoMembers) },
  responses: { 201: json(SignInCode, 'The code, good for ten minutes.'), ...problems },
});

const redeem = createRoute({
  method: 'post',
  path: REDEEM_PATH,
  tags,
  summary: 'Exchange a sign-in code, sent as the bearer, for a token',
  request: { headers: idempotent, body: body(NoMembers) },
  responses: { 201: json(CreatedToken, 'The token, shown this once.'), ...problems },
});

/** One-time codes: they travel in the fragment of an address, which no server and no log ever sees. */
export function codeRoutes({ signer, workspaces, effects }: Dependencies) {
  return createRouter()
    .openapi(create, async (c) => {
      const { workspace: ws, role } = c.get('principal');
      const iat = Math.floor(effects.now() / 1_000);
      const exp = iat + CODE_SECONDS;
      const code = await signer.sign({ use: 'code', ws, role, jti: effects.uuid(), iat, exp });
      return c.json({ code, expires_at: new Date(exp * 1_000).toISOString() }, 201);
    })
    .openapi(redeem, async (c) => {
      const text = bearerOf(c.req.raw);
      const claims = text === null ? null : await signer.verify(text, 'code');
      if (!claims) throw refusal('unauthorized', 'The code is not valid or has expired; make another.');
      c.set('principal', { workspace: claims.ws, role: claims.role, token_id: claims.jti });
      const code = { id: claims.jti, expires_at: claims.exp * 1_000, role: claims.role };
      const view = unwrap(await workspaces.of(claims.ws).redeemCode(await callOf(c), code));
      return c.json(await withText(signer, claims.ws, view), 201);
    });
}
