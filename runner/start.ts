import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Capability } from '../src/protocol/common/enums.ts';
import { Agent } from './agent.ts';
import type { AgentOptions } from './agent-parts.ts';
import { isKept } from './git/kept-worktrees.ts';
import { Repository } from './git/repository.ts';
import { whyNoMerges } from './git/version.ts';
import { loadIdentity, lockDataDirectory } from './identity.ts';
import { webSocketConnections } from './lease/connection.ts';
import { forgetConversations } from './lease/leftover-conversations.ts';
import { removeLeftoverWorktrees } from './lease/recovery.ts';
import { ToolServer } from './mcp/tool-server.ts';
import { OpenCodeClient } from './opencode/client.ts';
import { OpenCodeServer } from './opencode/server.ts';
import { knownSecrets, redaction } from './redaction.ts';
import { registerAgent } from './registration.ts';
import { Setup } from './setup/setup.ts';

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
  const noMerges = await whyNoMerges(repository.directory);
  if (noMerges !== null) options.log(noMerges, true);
  const unlock = lockDataDirectory(options.dataDirectory);
  try {
    // Before OpenCode starts, which takes seconds.
    const { identity, token, name } = await registerAgent(
      { ...options, capabilities: options.capabilities ?? Capability().options },
      loadIdentity(options.dataDirectory, options.log),
    );
    const serverDirectory = join(options.dataDirectory, 'opencode');
    mkdirSync(serverDirectory, { recursive: true, mode: 0o700 });
    options.log('starting OpenCode, which takes a few seconds');
    const worktrees = join(options.dataDirectory, 'worktrees');
    const { source, tools, log } = options;
    const { marker } = identity;
    const server = new OpenCodeServer({ directory: serverDirectory, worktrees, source, marker, tools, log });
    await server.start();
    const opencode = new OpenCodeClient(server);
    const toolServer = await ToolServer.start();
    try {
      const model = await chooseModel(opencode);
      await removeLeftoverWorktrees(repository, worktrees, log);
      // Before any lease, because one may import a conversation under its old id.
      await forgetConversations(opencode, worktrees, (worktree) => !isKept(worktree), log);
      const openConnection = webSocketConnections(options.url, token);
      const redact = redaction([...knownSecrets(source, options.token), token, identity.secret]);
      const setup = new Setup({
        choice: options.setup ?? 'repository',
        cacheDirectory: join(options.dataDirectory, 'setup-cache'),
        environment: () => server.environment,
        log,
      });
      return new Agent(
        { ...options, token, name },
        {
          identity,
          repository,
          canMerge: noMerges === null,
          server,
          opencode,
          model,
          redact,
          setup,
          tools: toolServer,
          openConnection,
          unlock,
        },
      );
    } catch (error) {
      opencode.close();
      await toolServer.close();
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
