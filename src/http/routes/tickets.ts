import { createRoute } from '@hono/zod-openapi';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';
import { CreateTicketRequest, Ticket } from '../../protocol/workspace/token.ts';
import { needs } from '../auth/roles.ts';
import type { Dependencies } from '../dependencies.ts';
import { body, createRouter, json, problems } from '../route.ts';

const TICKET_SECONDS = 30;

const create = createRoute({
  method: 'post',
  path: '/api/v1/tickets',
  tags: ['Sockets'],
  summary: 'Make a ticket to open one socket with, from a browser',
  ...needs('open_socket'),
  request: { body: body(CreateTicketRequest) },
  responses: { 201: json(Ticket, 'The ticket, good for 30 seconds.'), ...problems },
});

/** Browsers cannot send a header with a socket, and no token belongs in an address: they offer a ticket. */
export function ticketRoutes({ signer, effects }: Dependencies) {
  return createRouter().openapi(create, async (c) => {
    const { workspace: ws, role, token_id: jti } = c.get('principal');
    const iat = Math.floor(effects.now() / 1_000);
    const ticket = await signer.sign({
      use: 'ticket',
      ws,
      role,
      jti,
      iat,
      exp: iat + TICKET_SECONDS,
      path: c.req.valid('json').path,
      origin: c.req.header('Origin') ?? null,
    });
    return c.json({ ticket, protocol: SOCKET_PROTOCOL, expires_in_seconds: TICKET_SECONDS }, 201);
  });
}
