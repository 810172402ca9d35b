import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { TokenSigner } from '../../application/token-signer.ts';
import { Uuid, type WorkspaceId } from '../../protocol/common/ids.ts';
import { CreatedToken, CreateTokenRequest, TokenList, type TokenView } from '../../protocol/workspace/token.ts';
import type { Revocations } from '../auth/revocations.ts';
import { needs } from '../auth/roles.ts';
import { callOf } from '../call.ts';
import type { Dependencies } from '../dependencies.ts';
import { unwrap } from '../refusal.ts';
import { body, createRouter, idempotent, json, problems } from '../route.ts';

const PATH = '/api/v1/tokens';
const tags = ['Tokens'];

const create = createRoute({
  method: 'post',
  path: PATH,
  tags,
  summary: 'Make a token',
  ...needs('administer'),
  request: { headers: idempotent, body: body(CreateTokenRequest) },
  responses: { 201: json(CreatedToken, 'The token, shown this once.'), ...problems },
});

const list = createRoute({
  method: 'get',
  path: PATH,
  tags,
  summary: 'List the tokens that have not expired',
  ...needs('administer'),
  responses: { 200: json(TokenList, 'The tokens, without their secrets.'), ...problems },
});

const revoke = createRoute({
  method: 'delete',
  path: `${PATH}/{id}`,
  tags,
  summary: 'Revoke a token: within 30 s it opens nothing, and its sockets are closed',
  ...needs('administer'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 204: { description: 'It is revoked.' }, ...problems },
});

/** A token's text follows from what is stored of it: a repeated request is answered with the same one. */
export async function withText(signer: TokenSigner, ws: WorkspaceId, view: TokenView): Promise<CreatedToken> {
  const [iat, exp] = [view.created_at, view.expires_at].map((instant) => Math.floor(Date.parse(instant) / 1_000));
  const token = await signer.sign({ use: 'api', ws, role: view.role, jti: view.id, iat: iat!, exp: exp! });
  return { ...view, token };
}

export function tokenRoutes(deps: Dependencies, revocations: Revocations) {
  return createRouter()
    .openapi(create, async (c) => {
      const { workspace } = c.get('principal');
      const view = unwrap(await deps.workspaces.of(workspace).createToken(await callOf(c), c.req.valid('json')));
      return c.json(await withText(deps.signer, workspace, view), 201);
    })
    .openapi(list, async (c) => {
      const workspace = deps.workspaces.of(c.get('principal').workspace);
      return c.json({ items: unwrap(await workspace.listTokens(await callOf(c))) }, 200);
    })
    .openapi(revoke, async (c) => {
      const { workspace } = c.get('principal');
      const { id } = c.req.valid('param');
      unwrap(await deps.workspaces.of(workspace).revokeToken(await callOf(c), id));
      revocations.note(workspace, id);
      return c.body(null, 204);
    });
}
