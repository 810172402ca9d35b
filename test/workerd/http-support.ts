import { env, exports } from 'cloudflare:workers';
import { TokenSigner } from '../../src/application/token-signer.ts';
import { compose } from '../../src/composition.ts';
import { readSetting } from '../../src/configuration/read.ts';
import { createApp } from '../../src/http/app.ts';
import type { Dependencies } from '../../src/http/dependencies.ts';
import type { SessionApi, Sessions } from '../../src/ports/sessions.ts';
import type { Role } from '../../src/protocol/common/enums.ts';
import { refuse } from '../../src/protocol/common/errors.ts';
import { EXAMPLE_SESSION, type SessionView } from '../../src/protocol/session/session.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import type { Exchange } from '../support/contract.ts';

export const HOST = 'https://oio.test';
export const STATIC_TOKEN = env.OIO_TOKEN!;
export const SESSION_ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
export const TASK_ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
export const UUID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';

export const signer = new TokenSigner(readSetting('OIO_SIGNING_KEYS', env), () => Date.now());

/** All tests of a run share the objects, so each test has its own workspace. */
export function newWorkspace(): string {
  return `w-${crypto.randomUUID()}`;
}

export interface Ask {
  method?: string;
  token?: string;
  body?: unknown;
  /** A raw body without a content type. */
  raw?: BodyInit;
  headers?: Record<string, string>;
  /** For fakes that answer what the real parts never do: the answer is not compared with the API's description. */
  unchecked?: true;
}

/** A request to the API. A body that is not a string is sent as JSON. */
export function requestTo(path: string, { method, token, body, raw, headers }: Ask = {}): Request {
  const sent = new Headers(headers);
  if (token !== undefined) sent.set('Authorization', `Bearer ${token}`);
  if (body !== undefined && !sent.has('Content-Type')) sent.set('Content-Type', 'application/json');
  const text = body === undefined || typeof body === 'string' ? (body as string | undefined) : JSON.stringify(body);
  return new Request(HOST + path, {
    method: method ?? (body === undefined && raw === undefined ? 'GET' : 'POST'),
    headers: sent,
    body: raw ?? text ?? null,
  });
}

/** Sends a request to the Worker itself. The answer must be as the API's description says. */
export function ask(path: string, options: Ask = {}): Promise<Response> {
  return kept(requestTo(path, options), options, (request) => exports.default.fetch(request));
}

/**
 * Sends a request, and compares it and its answer with the API's description.
 * @throws when the description does not allow them
 */
async function kept(
  request: Request,
  { body, unchecked }: Ask,
  send: (request: Request) => Response | Promise<Response>,
): Promise<Response> {
  const { method, url } = request;
  const { pathname, search } = new URL(url);
  const response = await send(request);
  if (unchecked) return response;
  const headers = Object.fromEntries(response.headers);
  const isJson = headers['content-type']?.includes('json') ?? false;
  const exchange: Exchange = {
    method,
    path: pathname + search,
    sent:
      body === undefined || typeof body === 'string' ? ((body as string | undefined) ?? null) : JSON.stringify(body),
    sentType: request.headers.get('Content-Type'),
    status: response.status,
    headers,
    answer: isJson ? await response.clone().text() : null,
  };
  const { CONTRACT } = env as unknown as { CONTRACT: Fetcher };
  const checked = await CONTRACT.fetch('http://contract', { method: 'POST', body: JSON.stringify(exchange) });
  const violations = (await checked.json()) as string[];
  if (violations.length > 0) throw new Error(`The API's description does not allow this:\n${violations.join('\n')}`);
  return response;
}

/** An application of the real parts, except for the given ones. */
export function appWith(overrides: Partial<Dependencies>) {
  const lines: { level: string; event: string; fields: Record<string, unknown> }[] = [];
  const logger: Dependencies['logger'] = (level, event, fields) => void lines.push({ level, event, fields });
  const app = createApp({ ...compose(env), logger, ...overrides });
  const ask = (path: string, options: Ask = {}) =>
    kept(requestTo(path, options), options, (request) => app.fetch(request, env));
  return { lines, ask };
}

/** A signed token that is in no workspace's list. */
export function signToken(
  role: Role,
  workspace = newWorkspace(),
  seconds = 600,
  agent?: Principal['agent'],
): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { use: 'api', ws: workspace, role, jti: crypto.randomUUID(), iat, exp: iat + seconds } as const;
  return signer.sign(agent ? { ...claims, agent } : claims);
}

/** Sessions that do not exist, except for the given methods. */
export function sessionsWith(methods: Partial<SessionApi>): Sessions {
  const nothing = async () => refuse('not_found', 'There is no such session.');
  return {
    at: () =>
      new Proxy(methods as ReturnType<Sessions['at']>, { get: (target, name) => Reflect.get(target, name) ?? nothing }),
  };
}

export function sessionView(changes: Partial<SessionView> = {}): SessionView {
  return { ...EXAMPLE_SESSION, ...changes };
}
