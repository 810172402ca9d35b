import type { Client } from '../../../src/client/client.ts';
import { ApiError } from '../../../src/client/errors.ts';
import { SessionId, Uuid } from '../../../src/protocol/common/ids.ts';
import { ContextName, contextAddress } from '../../../src/protocol/context/address.ts';
import type { ContextSummary, ContextWriter } from '../../../src/protocol/context/context.ts';
import { CliError, exitCode, oio } from '../../command.ts';
import { explainApiError } from '../../connection.ts';
import type { AgentNames, ContextNames } from '../../context-lines.ts';
import { findAgent } from '../fleet.ts';
import { connectionDetails, sessionIdOf } from '../session/common.ts';

/** The help text of commands that take a context. */
export const WHICH = `${connectionDetails}
A context is session.<session>, agent.<agent> or global, or its id. A session alone means its context. The first characters of a session's id are enough, and an agent's name. Another context of the same owner has its name behind a dot, such as global.notes.`;
/** How a place in a context is written. */
export const PATHS = 'A path names a place in the data, such as build/status or steps/0. It is a JSON Pointer.';

/** The most names of agents that a command asks for. */
const NAMED_AGENTS = 20;
/** The most contexts whose address a command asks for. Each is read with its data. */
const NAMED_CONTEXTS = 20;

/**
 * The id or address of a context, from one that people write.
 * @throws CliError if it names no context, no session or no agent
 */
export async function contextRefOf(client: Pick<Client, 'sessions' | 'agents'>, text: string): Promise<string> {
  const [, scope, rest = ''] = /^(session|agent)\.(.+)$/i.exec(text) ?? [];
  if (scope !== undefined) {
    const dot = rest.indexOf('.');
    const owner = dot < 0 ? rest : rest.slice(0, dot);
    const name = dot < 0 ? '' : `.${nameOf(rest.slice(dot + 1))}`;
    const isSession = scope.toLowerCase() === 'session';
    return isSession
      ? `session.${await sessionIdOf(client, owner)}${name}`
      : `agent.${await agentIdOf(client, owner)}${name}`;
  }
  const workspace = /^global(?:\.(.*))?$/i.exec(text);
  if (workspace) return workspace[1] === undefined ? 'global' : `global.${nameOf(workspace[1])}`;
  const ref = text.toLowerCase();
  if (SessionId().safeParse(ref).success) return `session.${ref}`;
  if (Uuid().safeParse(ref).success) return ref;
  if (/^[0-9a-f-]+$/.test(ref)) return `session.${await sessionIdOf(client, ref)}`;
  throw new CliError(
    `"${text}" is no context. Give session.<session>, agent.<agent> or global, or an id of "${oio} context list".`,
    exitCode.usage,
  );
}

/** The name of a context, which is not changed: another name is another context. @throws CliError */
function nameOf(text: string): string {
  if (ContextName().safeParse(text).success) return text;
  throw new CliError(
    `"${text}" is no name of a context: it has 1–63 lower-case letters, digits, dashes and underscores.`,
    exitCode.usage,
  );
}

async function agentIdOf(client: Pick<Client, 'agents'>, text: string): Promise<string> {
  const id = Uuid().safeParse(text.toLowerCase());
  return id.success ? id.data : (await findAgent(client, text)).id;
}

/** The address of a context, or its id if it has none. Commands accept both. @param show how the owner's id is shown */
export function shownRef(
  { id, ...owner }: Pick<ContextSummary, 'id' | 'scope' | 'session_id' | 'agent_id' | 'name'>,
  show: (owner: string) => string = (owner) => owner,
): string {
  const shown = (ownerId: string | null) => ownerId && show(ownerId);
  return contextAddress({ ...owner, session_id: shown(owner.session_id), agent_id: shown(owner.agent_id) }) ?? id;
}

/** The names of the agents among the writers. Agents that cannot be found have none. */
export async function agentNames(client: Pick<Client, 'agents'>, ids: readonly (string | null)[]): Promise<AgentNames> {
  const wanted = [...new Set(ids)].filter((id): id is string => id !== null && Uuid().safeParse(id).success);
  const found = await Promise.allSettled(wanted.slice(0, NAMED_AGENTS).map((id) => client.agents.get(id)));
  return new Map(found.flatMap((one) => (one.status === 'fulfilled' ? [[one.value.id, one.value.name] as const] : [])));
}

/** The addresses of contexts. One that cannot be read has none. */
export async function contextNames(client: Pick<Client, 'contexts'>, ids: readonly string[]): Promise<ContextNames> {
  const wanted = [...new Set(ids)].slice(0, NAMED_CONTEXTS);
  const found = await Promise.allSettled(wanted.map((id) => client.contexts.get(id)));
  return new Map(
    found.flatMap((one) => (one.status === 'fulfilled' ? [[one.value.id, shownRef(one.value)] as const] : [])),
  );
}

export function agentsIn(writers: readonly ContextWriter[]): (string | null)[] {
  return writers.map(({ agent_id }) => agent_id);
}

/**
 * Calls the API. What is not there is explained with the command that makes it.
 * @throws CliError
 */
export async function explained<Value>(ref: string, call: Promise<Value>): Promise<Value> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const advice = adviceOn(error, ref);
    if (advice === null) throw error;
    const { message, code } = explainApiError(error)!;
    throw new CliError(`${message} ${advice}`, code);
  }
}

function adviceOn({ code, message }: ApiError, ref: string): string | null {
  if (code === 'context_not_found') {
    return Uuid().safeParse(ref).success
      ? `"${oio} context list" shows which there are.`
      : `The first write makes it: ${oio} context set ${ref} <path> <value>`;
  }
  const isPlace = code === 'not_found' && message.includes('has no value at');
  return isPlace ? `"${oio} context get ${ref}" shows what it has.` : null;
}
