import type { TokenSigner } from '../../application/token-signer.ts';
import { type Outcome, ok } from '../../protocol/common/errors.ts';
import type { WorkspaceId } from '../../protocol/common/ids.ts';
import type { CreatedToken, TokenView } from '../../protocol/workspace/token.ts';
import type { Revocations } from '../auth/revocations.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

/** Adds a token's text. It is signed from the token's stored record, so a repeated request gets the same text. */
export async function withText(
  signer: TokenSigner,
  ws: WorkspaceId,
  made: Outcome<TokenView>,
): Promise<Outcome<CreatedToken>> {
  if (!made.ok) return made;
  const view = made.value;
  const [iat, exp] = [view.created_at, view.expires_at].map((instant) => Math.floor(Date.parse(instant) / 1_000));
  const token = await signer.sign({ use: 'api', ws, role: view.role, jti: view.id, iat: iat!, exp: exp! });
  return ok({ ...view, token });
}

/** Handlers that create, list and revoke tokens, and read the caller's own. */
export function tokenHandlers({ workspaces, signer }: Dependencies, revocations: Revocations) {
  return {
    readPrincipal: async ({ call }) => {
      const { expires_at, agent, ...principal } = call.principal;
      const agent_id = agent?.id ?? null;
      return ok({
        ...principal,
        agent_id,
        expires_at: expires_at === undefined ? null : new Date(expires_at).toISOString(),
      });
    },
    createToken: async ({ body, call }) => {
      const { workspace } = call.principal;
      return withText(signer, workspace, await workspaces.of(workspace).createToken(call, body));
    },
    listTokens: ({ query, call }) => workspaces.of(call.principal.workspace).listTokens(call, query),
    revokeToken: async ({ params, call }) => {
      const { workspace } = call.principal;
      const revoked = await workspaces.of(workspace).revokeToken(call, params.id);
      if (!revoked.ok) return revoked;
      revocations.forget(workspace);
      return ok(null);
    },
  } satisfies SomeHandlers;
}
