import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { VERSION } from '../../src/configuration/version.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { ContextName } from '../../src/protocol/context/address.ts';
import { TOOL_SCOPES } from './addresses.ts';
import { answerOf } from './answers.ts';
import type { Claims } from './claims.ts';
import type { ContextTools } from './context-tools.ts';
import type { Disputes } from './disputes.ts';
import type { SecretFiles } from './secret-files.ts';

/** The name of the tools in OpenCode, which begins the name of each. */
export const TOOLS_NAME = 'oio';
const MAX_WAIT_SECONDS = 20;

const INSTRUCTIONS =
  'The shared context of the agents that work on this session, and claims by which they do not get in each other’s way.';

interface Tools {
  contexts: ContextTools;
  disputes: Disputes;
  secrets: SecretFiles;
  claims: Claims;
}

/** Answers a call with a text for the model, after what it must know first. */
type Answer = (run: () => Promise<string>) => ReturnType<typeof answerOf>;

/** The MCP server of one lease. What OpenCode shows to the model are the names, descriptions and schemas here. */
export function toolsOf({ contexts, disputes, secrets, claims }: Tools): McpServer {
  const server = new McpServer({ name: TOOLS_NAME, version: VERSION }, { instructions: INSTRUCTIONS });
  const answer: Answer = (run) =>
    answerOf(async () => {
      const text = await run();
      const lost = claims.takeLost();
      return lost === null ? text : `${lost}\n${text}`;
    });
  addContextTools(server, answer, contexts, secrets);
  addConflictTools(server, answer, disputes);
  addClaimTools(server, answer, claims);
  return server;
}

const Path = z
  .string()
  .max(1_000)
  .describe('The place in the context, such as build/status (a JSON Pointer). Empty for everything.');
const Which = {
  scope: z
    .enum(TOOL_SCOPES)
    .optional()
    .describe(
      'Whose context: session (all tasks of this session), agent (this agent, over sessions), global (the workspace, read only).',
    ),
  name: ContextName().optional().describe('Which of its contexts; main by default.'),
};
const What = {
  path: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe('A file or directory of the repository, from its top, such as src/main.ts.'),
  resource: z
    .string()
    .optional()
    .describe('Anything else, by a name that all agents use, such as port:8080 or deploy:web.'),
};

function addContextTools(server: McpServer, answer: Answer, contexts: ContextTools, secrets: SecretFiles): void {
  server.registerTool(
    'context_get',
    {
      description:
        'Reads a value of the shared context. Without a scope, the nearest one: session, then agent, then global.',
      inputSchema: z.object({ path: Path, ...Which }),
      annotations: { readOnlyHint: true },
    },
    ({ path, ...which }) => answer(() => contexts.get(path, which)),
  );
  server.registerTool(
    'context_secret',
    {
      description:
        'Writes a secret value, shown as [secret], to a file that your commands can read. Without a scope: of the session’s context.',
      inputSchema: z.object({ path: Path, ...Which }),
    },
    ({ path, ...which }) => answer(() => secrets.put(path, which)),
  );
  server.registerTool(
    'context_list',
    {
      description: 'Lists the keys of the shared context at a path, with short values.',
      inputSchema: z.object({ path: Path.default(''), ...Which }),
      annotations: { readOnlyHint: true },
    },
    ({ path, ...which }) => answer(() => contexts.list(path, which)),
  );
  server.registerTool(
    'context_set',
    {
      description:
        'Sets one value of the shared context, for other tasks and agents to read. If somebody has changed it since you read it, nothing is written, and you get both values.',
      inputSchema: z.object({ path: Path, value: z.json().describe('Any JSON value.'), ...Which }),
    },
    ({ path, value, ...which }) => answer(() => contexts.set(path, value as Json, which)),
  );
  server.registerTool(
    'context_patch',
    {
      description:
        'Sets and removes several values at once, or none of them if one has been changed since you read it.',
      inputSchema: z.object({
        updates: z
          .record(z.string(), z.json())
          .describe(
            'A JSON merge patch: members are set, and null removes one, such as {"build":{"status":"green","owner":null}}.',
          ),
        ...Which,
      }),
    },
    ({ updates, ...which }) => answer(() => contexts.patch(updates as JsonObject, which)),
  );
  server.registerTool(
    'context_history',
    {
      description: 'Lists who has changed a value and when, the newest first.',
      inputSchema: z.object({ path: Path.default(''), limit: z.int().min(1).max(50).default(20), ...Which }),
      annotations: { readOnlyHint: true },
    },
    ({ path, limit, ...which }) => answer(() => contexts.history(path, limit, which)),
  );
}

function addConflictTools(server: McpServer, answer: Answer, disputes: Disputes): void {
  server.registerTool(
    'context_conflicts',
    {
      description: 'Lists the open conflicts of the session’s context.',
      inputSchema: z.object({}),
      annotations: { readOnlyHint: true },
    },
    () => answer(async () => (await disputes.shown()) ?? 'There is no open conflict.'),
  );
  server.registerTool(
    'context_resolve',
    {
      description: 'Resolves a conflict from context_conflicts. Give either choose or value.',
      inputSchema: z.object({
        conflict: z.int().min(1).describe('The number that context_conflicts shows.'),
        choose: z.enum(['current', 'source']).optional(),
        value: z.json().optional().describe('Another value, in place of choose.'),
      }),
    },
    ({ conflict, ...answers }) => answer(() => disputes.resolve(conflict, answers)),
  );
}

function addClaimTools(server: McpServer, answer: Answer, claims: Claims): void {
  server.registerTool(
    'claim',
    {
      description:
        'Claims a path or a resource for this task, before work that another task may do too. Only one task holds it at a time. It ends when you release it, or with the task.',
      inputSchema: z.object({
        ...What,
        wait_seconds: z.int().min(0).max(MAX_WAIT_SECONDS).default(0).describe('How long to wait for others.'),
      }),
    },
    ({ wait_seconds, ...what }) => answer(() => claims.claim(what, wait_seconds)),
  );
  server.registerTool(
    'release',
    { description: 'Gives up a claim of this task.', inputSchema: z.object(What) },
    (what) => answer(() => claims.release(what)),
  );
}
