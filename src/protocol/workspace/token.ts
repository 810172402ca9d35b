import * as z from 'zod';
import { Role } from '../common/enums.ts';
import { Uuid, WorkspaceId } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';

/** The `token_id` of the token from the environment, which has no record and cannot be revoked. */
export const STATIC_TOKEN_ID = 'static';

/** The verified author of a request. The Worker verifies it; objects trust only this. */
export interface Principal {
  workspace: WorkspaceId;
  role: Role;
  /** The token's id; `static` for the token from the environment. */
  token_id: string;
  /** The agent whose own token it is, and the token that registered it. Absent for all other tokens. */
  agent?: { id: string; registered_by: string };
  /** When the token expires, in ms since the epoch; absent for the token from the environment. */
  expires_at?: number;
}

/**
 * The id of the token whose end ends this one too: an agent's own token ends with the token that registered the agent.
 * The workspace has a record of it, unless it is the token from the environment.
 */
export function authorityOf({ token_id, agent }: Pick<Principal, 'token_id' | 'agent'>): string {
  return agent?.registered_by ?? token_id;
}

/** The same; null for the token from the environment, which cannot be revoked. */
export function revocableToken(principal: Pick<Principal, 'token_id' | 'agent'>): string | null {
  const id = authorityOf(principal);
  return id === STATIC_TOKEN_ID ? null : id;
}

export const PrincipalView = schema(() =>
  z
    .object({
      workspace: WorkspaceId(),
      role: Role(),
      token_id: z.string(),
      agent_id: z.string().nullable(),
      expires_at: Instant().nullable(),
    })
    .meta({
      id: 'Principal',
      description:
        'The token of a request. `token_id` is `static`, and `expires_at` null, for the token from the environment. `agent_id` is the agent whose own token it is. A token with the role `agent` and no `agent_id` registers agents.',
      example: {
        workspace: 'default',
        role: 'operator',
        token_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        agent_id: null,
        expires_at: '2026-12-22T15:04:05.678Z',
      },
    }),
);
export type PrincipalView = Infer<typeof PrincipalView>;

export const CreateTokenRequest = schema(() =>
  z
    .strictObject({
      name: z.string().trim().min(1).max(100),
      role: Role(),
      expires_in_seconds: z.int().min(60).max(31_536_000).default(2_592_000),
    })
    .meta({ id: 'CreateTokenRequest', description: 'A new token.', example: { name: 'ci', role: 'operator' } }),
);
export type CreateTokenRequest = Infer<typeof CreateTokenRequest>;

/** The token of the examples. */
const TOKEN = {
  id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  name: 'ci',
  role: 'operator',
  created_by: null,
  created_at: '2026-11-22T15:04:05.678Z',
  expires_at: '2026-12-22T15:04:05.678Z',
  revoked_at: null,
  last_used_at: '2026-11-22T16:00:00.000Z',
};

export const TokenView = schema(() =>
  z
    .object({
      id: Uuid(),
      name: z.string(),
      role: Role(),
      /**
       * The token that made this one, or that made its sign-in code; null for the token from the environment. When a
       * token expires, what it has made passes to its own maker.
       */
      created_by: z.string().nullable(),
      created_at: Instant(),
      expires_at: Instant(),
      revoked_at: Instant().nullable(),
      /** Written at most once an hour; null before the first use. */
      last_used_at: Instant().nullable(),
    })
    .meta({
      id: 'Token',
      description: 'A token, without its secret.',
      example: TOKEN,
    }),
);
export type TokenView = Infer<typeof TokenView>;

export const CreatedToken = schema(() =>
  TokenView()
    .extend({ token: z.string() })
    .meta({
      id: 'CreatedToken',
      description: 'A new token with its secret, which is never shown again.',
      example: { ...TOKEN, token: 'eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0…' },
    }),
);
export type CreatedToken = Infer<typeof CreatedToken>;

export const TokenList = schema(() =>
  z.object({ items: z.array(TokenView()), next_cursor: NextCursor() }).meta({
    id: 'TokenList',
    description: 'A page of the workspace’s tokens that have not expired, newest first.',
    example: { items: [], next_cursor: null },
  }),
);
export type TokenList = Infer<typeof TokenList>;

export const CreateTicketRequest = schema(() =>
  z
    .strictObject({
      path: z.string().regex(/^\/ws\/[A-Za-z0-9/._-]{1,300}$/, 'must be the path of a socket, which begins with /ws/'),
    })
    .meta({
      id: 'CreateTicketRequest',
      description: 'The path of the socket to open. The ticket is bound to it and to the request’s Origin.',
      example: { path: '/ws/sessions/0198c2f0-1a2b-8c3d-9e4f-5a6b00000000' },
    }),
);
export type CreateTicketRequest = Infer<typeof CreateTicketRequest>;

export const Ticket = schema(() =>
  z.object({ ticket: z.string(), protocol: z.string(), expires_in_seconds: z.int() }).meta({
    id: 'Ticket',
    description: 'A ticket for a socket. Offer the value of `protocol` and `oio.ticket.<ticket>` as its subprotocols.',
    example: { ticket: 'eyJhbGciOiJIUzI1NiJ9…', protocol: 'oio.v1', expires_in_seconds: 30 },
  }),
);
export type Ticket = Infer<typeof Ticket>;

export const CreateCodeRequest = schema(() =>
  z.strictObject({ role: z.enum(['viewer', 'operator', 'admin']).default('admin') }).meta({
    id: 'CreateCodeRequest',
    description: 'What the person who signs in may do.',
    example: { role: 'viewer' },
  }),
);
export type CreateCodeRequest = Infer<typeof CreateCodeRequest>;

export const SignInCode = schema(() =>
  z.object({ code: z.string(), expires_at: Instant() }).meta({
    id: 'SignInCode',
    description: 'A one-time code for a sign-in link to the dashboard (`/#code=…`).',
    example: { code: 'eyJhbGciOiJIUzI1NiJ9…', expires_at: '2026-11-22T15:14:05.678Z' },
  }),
);
export type SignInCode = Infer<typeof SignInCode>;
