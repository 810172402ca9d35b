import { ok } from '../../protocol/common/errors.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

const TICKET_SECONDS = 30;

/** Handlers for tickets. Browsers need one, because they cannot set headers on a socket, and URLs are logged. */
export function ticketHandlers({ signer, effects }: Dependencies) {
  return {
    createTicket: async ({ body, call }, c) => {
      const { workspace: ws, role, token_id: jti, agent, expires_at } = call.principal;
      const iat = Math.floor(effects.now() / 1_000);
      const exp = iat + TICKET_SECONDS;
      const origin = c.req.header('Origin') ?? null;
      const token_exp = expires_at === undefined ? null : expires_at / 1_000;
      const bound = { path: body.path, origin, token_exp, ...(agent && { agent }) };
      const ticket = await signer.sign({ use: 'ticket', ws, role, jti, iat, exp, ...bound });
      return ok({ ticket, protocol: SOCKET_PROTOCOL, expires_in_seconds: TICKET_SECONDS });
    },
  } satisfies SomeHandlers;
}
