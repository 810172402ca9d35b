import * as z from 'zod';
import { Uuid } from '../common/ids.ts';
import { PageQuery } from '../common/page.ts';
import { schema } from '../common/schema.ts';
import {
  CreateCodeRequest,
  CreatedToken,
  CreateTokenRequest,
  PrincipalView,
  SignInCode,
  TokenList,
} from '../workspace/token.ts';
import { type Endpoints, json, NoMembers, page } from './endpoint.ts';
import type { OperationId } from './routes.ts';

/** Operations on the workspace's tokens, and on the one-time codes that a browser exchanges for a token. */
export const TOKEN_ENDPOINTS = {
  readPrincipal: {
    tag: 'Tokens',
    summary: 'Read whose token this is, and what it may do',
    access: 'open_socket',
    responses: { 200: json(PrincipalView, 'The token of this request.') },
    errors: [],
  },
  createToken: {
    tag: 'Tokens',
    summary: 'Create a token',
    access: 'administer',
    idempotent: true,
    body: CreateTokenRequest,
    responses: { 201: json(CreatedToken, 'The token, shown this once.') },
    errors: ['limit_reached'],
  },
  listTokens: {
    tag: 'Tokens',
    summary: 'List the tokens that have not expired',
    access: 'administer',
    query: PageQuery,
    responses: { 200: page(TokenList, 'The tokens, without their secrets.') },
    errors: [],
  },
  revokeToken: {
    tag: 'Tokens',
    summary: 'Revoke a token and all that it has made within 30 seconds, and close their sockets',
    access: 'administer',
    idempotent: true,
    params: schema(() => z.object({ id: Uuid() })),
    responses: { 204: { description: 'The token is revoked.' } },
    errors: ['not_found'],
  },
  createCode: {
    tag: 'Tokens',
    summary: 'Create a one-time code for signing in to the dashboard',
    access: 'administer',
    body: CreateCodeRequest,
    responses: { 201: json(SignInCode, 'The code, valid for ten minutes.') },
    errors: [],
  },
  redeemCode: {
    tag: 'Tokens',
    summary: 'Exchange a sign-in code, sent as the bearer, for a token',
    access: 'code',
    idempotent: true,
    body: NoMembers,
    responses: { 201: json(CreatedToken, 'The token, shown this once.') },
    errors: ['limit_reached'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
