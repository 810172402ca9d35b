import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withoutTrailingSlash } from '../src/protocol/common/url.ts';
import { pathOf } from '../src/protocol/endpoints/routes.ts';
import { AccessRefusedError, judgeRejection, rejectionOf } from './access.ts';
import { Agent } from './agent.ts';
import type { AgentOptions } from './agent-parts.ts';
import { isKept } from './git/kept-worktrees.ts';
import { Repository } from './git/repository.ts';
import { type Identity, loadIdentity, lockDataDirectory } from './identity.ts';
import { webSocketConnections } from './lease/connection.ts';
import { forgetConversations } from './lease/leftover-conversations.ts';
import { removeLeftoverWorktrees } from './lease/recovery.ts';
import { OpenCodeClient } from './opencode/client.ts';
import { OpenCodeServer } from './opencode/server.ts';
import { knownSecrets, redaction } from './redaction.ts';
import { Setup } from './setup/setup.ts';

/** A server can accept a connection and never answer. */
const ACCESS_LIMIT_MS = 10_000;

/** OpenCode has no usable model. The message says how to add one, or quotes OpenCode's error. */
export class NoModelError extends Error {
  override name = 'NoModelError';
}

/**
 * Starts an agent. If a predecessor was killed, its processes are ended and its buffered frames are delivered. Then the
 * agent connects to the control plane and accepts offers. Resolves when the agent can work.
 *
 * @throws RepositoryError, MissingDependencyError, NoModelError, AccessRefusedError or DataDirectoryInUseError; each
 *   message is one sentence that says what to do
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const repository = await Repository.open(options.directory);
  const unlock = lockDataDirectory(options.dataDirectory);
  try {
    const identity = loadIdentity(options.dataDirectory, options.log);
    await refuseBadAddress(options, identity);
    const serverDirectory = join(options.dataDirectory, 'opencode');
    mkdirSync(serverDirectory, { recursive: true, mode: 0o700 });
    options.log('starting OpenCode, which takes a few seconds');
    const worktrees = join(options.dataDirectory, 'worktrees');
    const { source, tools, log } = options;
    const { marker } = identity;
    const server = new OpenCodeServer({ directory: serverDirectory, worktrees, source, marker, tools, log });
    await server.start();
    const opencode = new OpenCodeClient(server);
    try {
      const model = await chooseModel(opencode);
      await removeLeftoverWorktrees(repository, worktrees, log);
      // Before any lease, because one may import a conversation under its old id.
      await forgetConversations(opencode, worktrees, (worktree) => !isKept(worktree), log);
      const openConnection = webSocketConnections(options.url, options.token);
      const redact = redaction([...knownSecrets(source, options.token), identity.secret]);
      const setup = new Setup({
        choice: options.setup ?? 'repository',
        cacheDirectory: join(options.dataDirectory, 'setup-cache'),
        environment: () => server.environment,
        log,
      });
      return new Agent(options, {
        identity,
        repository,
        server,
        opencode,
        model,
        redact,
        setup,
        openConnection,
        unlock,
      });
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
    'OpenCode has no model: set a provider key such as ANTHROPIC_API_KEY or run "npx opencode-ai auth login", then start again.',
  );
}

/** Tries the address and the token before OpenCode starts, which takes seconds. A server that is away may come back. */
async function refuseBadAddress({ url, token, log }: AgentOptions, { agent_id }: Identity): Promise<void> {
  const response = await fetch(withoutTrailingSlash(url) + pathOf('readAgent', { id: agent_id }), {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ACCESS_LIMIT_MS),
  }).catch(({ cause, message }: Error) => {
    const reason = cause instanceof Error ? cause.message : message;
    log(`cannot reach ${url} (${reason}); the agent starts all the same and keeps trying`);
    return null;
  });
  // 403 shows that the token is valid: an agent's may not read agents. The control socket checks the role.
  if (!response || response.status === 403 || isJson(response)) return;
  const verdict = judgeRejection(url, rejectionOf(response.status, await response.text().catch(() => '')), false);
  if (verdict instanceof AccessRefusedError) throw verdict;
}

function isJson({ ok, headers }: Response): boolean {
  return ok && headers.get('content-type')?.startsWith('application/json') === true;
}
