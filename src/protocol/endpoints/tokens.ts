import * as z from 'zod';
import { Uuid } from '../common/ids.ts';
import { CreatedToken, CreateTokenRequest, SignInCode, TokenList } from '../workspace/token.ts';
import { type Endpoints, json, NoMembers } from './endpoint.ts';
import type { OperationId } from './routes.ts';

/** Tokens of the workspace, and the one-time codes that a browser exchanges for one. */
export const TOKEN_ENDPOINTS = {
  createToken: {
    tag: 'Tokens',
    summary: 'Make a token',
    access: 'administer',
    idempotent: true,
    body: CreateTokenRequest,
    responses: { 201: json(CreatedToken, 'The token, shown this once.') },
    errors: ['too_many_requests'],
  },
  listTokens: {
    tag: 'Tokens',
    summary: 'List the tokens that have not expired',
    access: 'administer',
    responses: { 200: json(TokenList, 'The tokens, without their secrets.') },
    errors: [],
  },
  revokeToken: {
    tag: 'Tokens',
    summary: 'Revoke a token: within 30 s it opens nothing, and its sockets are closed',
    access: 'administer',
    params: z.object({ id: Uuid }),
    responses: { 204: { description: 'The token is revoked.' } },
    errors: ['not_found'],
  },
  createCode: {
    tag: 'Tokens',
    summary: 'Make a one-time code to sign in to the dashboard with',
    access: 'administer',
    body: NoMembers,
    responses: { 201: json(SignInCode, 'The code, good for ten minutes.') },
    errors: [],
  },
  redeemCode: {
    tag: 'Tokens',
    summary: 'Exchange a sign-in code, sent as the bearer, for a token',
    access: 'code',
    idempotent: true,
    body: NoMembers,
    responses: { 201: json(CreatedToken, 'The token, shown this once.') },
    errors: [],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
