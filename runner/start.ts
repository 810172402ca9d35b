import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf } from '../src/protocol/endpoints/routes.ts';
import { Agent, type AgentOptions } from './agent.ts';
import { Repository } from './git/repository.ts';
import { type Identity, loadIdentity, lockDataDirectory } from './identity.ts';
import { webSocketConnections } from './lease/connection.ts';
import { removeLeftoverWorktrees } from './lease/recovery.ts';
import { OpenCodeClient } from './opencode/client.ts';
import { OpenCodeServer } from './opencode/server.ts';

/** OpenCode has no usable model. The message says how to add one, or quotes OpenCode's error. */
export class NoModelError extends Error {
  override name = 'NoModelError';
}

/** The control plane rejected the token. */
export class TokenRefusedError extends Error {
  override name = 'TokenRefusedError';
}

/**
 * Starts an agent. If a predecessor was killed, its processes are ended and its buffered frames are delivered. Then the
 * agent connects to the control plane and accepts offers. Resolves when the agent can work.
 *
 * @throws RepositoryError, MissingDependencyError, NoModelError, TokenRefusedError or DataDirectoryInUseError; each
 *   message is one sentence that says what to do
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const repository = await Repository.open(options.directory);
  const unlock = lockDataDirectory(options.dataDirectory);
  try {
    const identity = loadIdentity(options.dataDirectory);
    await refuseBadToken(options, identity);
    const serverDirectory = join(options.dataDirectory, 'opencode');
    mkdirSync(serverDirectory, { recursive: true, mode: 0o700 });
    const { source, path, log } = options;
    const server = new OpenCodeServer({ directory: serverDirectory, source, marker: identity.marker, path, log });
    await server.start();
    const opencode = new OpenCodeClient(server);
    try {
      const model = await chooseModel(opencode);
      await removeLeftoverWorktrees(repository, join(options.dataDirectory, 'worktrees'), log);
      const openConnection = webSocketConnections(options.url, options.token);
      return new Agent(options, { identity, repository, server, opencode, model, openConnection, unlock });
    } catch (error) {
      opencode.close();
      await server.stop();
      throw error;
    }
  } catch (error) {
    unlock();
    throw error;
  }
}

/** @throws NoModelError when OpenCode has no model, or cannot list its models */
export async function chooseModel(opencode: Pick<OpenCodeClient, 'defaultModel'>): Promise<string> {
  const model = await opencode.defaultModel().catch((error: Error) => {
    throw new NoModelError(`OpenCode could not list its models: ${error.message}`);
  });
  if (model !== null) return model;
  throw new NoModelError(
    'OpenCode has no model: set a provider key such as ANTHROPIC_API_KEY or run "opencode auth login", then start again.',
  );
}

/** A refused WebSocket does not say why, so a plain request tries the token first. */
async function refuseBadToken({ url, token }: AgentOptions, { agent_id }: Identity): Promise<void> {
  const response = await fetch(url.replace(/\/$/, '') + pathOf('readAgent', { id: agent_id }), {
    headers: { authorization: `Bearer ${token}` },
  }).catch(() => null);
  if (response?.status === 401)
    throw new TokenRefusedError(`${url} does not accept this token. Create one with "oio token".`);
}
