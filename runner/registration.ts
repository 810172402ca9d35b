import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentType, Capability } from '../src/protocol/common/enums.ts';
import { MAX_AGENT_NAME_CHARS } from '../src/protocol/common/limits.ts';
import { withoutTrailingSlash } from '../src/protocol/common/url.ts';
import { pathOf } from '../src/protocol/endpoints/routes.ts';
import { AccessRefusedError, judgeRejection, rejectionOf } from './access.ts';
import { adoptId, type Identity } from './identity.ts';

/** A server can accept a connection and never answer. */
const REQUEST_LIMIT_MS = 10_000;
const FILE = 'registration.json';
const SUFFIX_DIGITS = 8;

/** The content of the file, which only its user can read. */
interface StoredRegistration {
  url: string;
  agent_id: string;
  /** The agent's own token. */
  token: string;
}

interface RegistrationOptions {
  url: string;
  token: string;
  name: string;
  capacity: number;
  agentType?: AgentType;
  capabilities: readonly Capability[];
  dataDirectory: string;
  log: (line: string) => void;
}

/** The members of `GET /api/v1/me` that matter here. An older control plane does not send `agent_id`. */
interface Me {
  role: string;
  agent_id?: string | null;
}

/** Who an agent is at its control plane. */
interface Registered {
  identity: Identity;
  token: string;
  /** Its name there, which is another one if an agent with the wanted name exists. */
  name: string;
}

/**
 * The token with which the agent acts, and its identity. A token that registers agents is exchanged once for the agent's
 * own, which is kept in the data directory. If the control plane is away or older, the given token is used.
 *
 * @throws AccessRefusedError if the control plane refuses the token or the address is wrong
 */
export async function registerAgent(options: RegistrationOptions, identity: Identity): Promise<Registered> {
  const { url, token, name, dataDirectory, log } = options;
  const kept = readRegistration(dataDirectory, url, identity.agent_id);
  const me = await readMe(options);
  if (me === null) return { identity, token: kept?.token ?? token, name };
  if (me.agent_id === undefined) return { identity, token, name };
  if (me.agent_id !== null) {
    const adopted = adoptId(dataDirectory, identity, me.agent_id);
    return { identity: adopted, token, name: (await registeredName(options, token, me.agent_id)) ?? name };
  }
  // Also finds out whether the agent was removed.
  const registered = kept && (await registeredName(options, kept.token, identity.agent_id));
  if (kept && registered) return { identity, token: kept.token, name: registered };
  const own = await exchange(options, identity);
  if (own === null) return { identity, token, name };
  writeRegistration(dataDirectory, { url, agent_id: identity.agent_id, token: own.token });
  log(`registered as ${own.name}, with a token of its own`);
  return { identity, ...own };
}

/** @returns null if the control plane is away, or another server answers for it */
async function readMe(options: RegistrationOptions): Promise<Me | null> {
  const { url, token, log } = options;
  const response = await ask(options, token, pathOf('readPrincipal'), (reason) =>
    log(`cannot reach ${url} (${reason}); the agent starts all the same and keeps trying`),
  );
  if (!response) return null;
  if (isJson(response)) return (await response.json()) as Me;
  const verdict = judgeRejection(url, rejectionOf(response.status, await textOf(response)), false);
  if (verdict instanceof AccessRefusedError) throw verdict;
  return null;
}

/** @returns null if the agent was removed, or the control plane does not answer */
async function registeredName(options: RegistrationOptions, token: string, agentId: string): Promise<string | null> {
  const response = await ask(options, token, pathOf('readAgent', { id: agentId }));
  return response && isJson(response) ? ((await response.json()) as { name: string }).name : null;
}

/** @returns the agent's own token and its name; null if there is none, which is logged */
async function exchange(
  options: RegistrationOptions,
  identity: Identity,
): Promise<{ token: string; name: string } | null> {
  const { name, agentType, capabilities, capacity, token, log } = options;
  const register = (as: string) =>
    ask(options, token, pathOf('registerAgent'), undefined, {
      ...{ id: identity.agent_id, secret: identity.secret, name: as, capabilities },
      ...{ agent_type: agentType ?? 'implementer', max_concurrent_capacity: capacity },
    });
  let response = await register(name);
  // Another agent has the name, as when several jobs of one kind run.
  if (response?.status === 409) response = await register(distinctName(name, identity));
  if (response && isJson(response)) {
    const { token: own, name: as } = (await response.json()) as { token: string; name: string };
    return { token: own, name: as };
  }
  const { detail, status } = response
    ? rejectionOf(response.status, await textOf(response))
    : { detail: null, status: 'nothing' };
  log(`no token of its own (${detail ?? `the control plane answered ${status}`}); using the given one`);
  return null;
}

/** The name with the beginning of the agent's id. */
function distinctName(name: string, { agent_id }: Identity): string {
  const suffix = `-${agent_id.slice(0, SUFFIX_DIGITS).toUpperCase()}`;
  return name.slice(0, MAX_AGENT_NAME_CHARS - suffix.length) + suffix;
}

async function ask(
  { url }: RegistrationOptions,
  token: string,
  path: string,
  onFailure: (reason: string) => void = () => undefined,
  body?: object,
): Promise<Response | null> {
  return fetch(withoutTrailingSlash(url) + path, {
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  }).catch(({ cause, message }: Error) => {
    onFailure(cause instanceof Error ? cause.message : message);
    return null;
  });
}

function isJson({ ok, headers }: Response): boolean {
  return ok && headers.get('content-type')?.startsWith('application/json') === true;
}

function textOf(response: Response): Promise<string> {
  return response.text().catch(() => '');
}

/** The registration at a control plane; null if there is none for this agent. */
function readRegistration(dataDirectory: string, url: string, agentId: string): StoredRegistration | null {
  try {
    const stored = JSON.parse(readFileSync(join(dataDirectory, FILE), 'utf8')) as StoredRegistration;
    return stored.url === url && stored.agent_id === agentId && typeof stored.token === 'string' ? stored : null;
  } catch {
    return null;
  }
}

function writeRegistration(dataDirectory: string, registration: StoredRegistration): void {
  const path = join(dataDirectory, FILE);
  writeFileSync(`${path}.new`, JSON.stringify(registration), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
