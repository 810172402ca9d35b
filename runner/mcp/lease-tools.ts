import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { createRestClient } from '../../src/client/rest-client.ts';
import { VERSION } from '../../src/configuration/version.ts';
import type { Json, JsonObject } from '../../src/domain/context/json.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import { ContextName } from '../../src/protocol/context/address.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { TOOL_SCOPES } from './addresses.ts';
import { answerOf } from './answers.ts';
import { Claims } from './claims.ts';
import { ContextTools } from './context-tools.ts';
import { Disputes } from './disputes.ts';
import { SecretFiles } from './secret-files.ts';
import { SeenVersions } from './seen-versions.ts';
import type { ToolServer } from './tool-server.ts';

/** The name of the tools in OpenCode, which begins the name of each. */
export const TOOLS_NAME = 'oio';
/** OpenCode gives a call up after a time, in ms; before, the tools answer. */
export const TOOL_CALL_MS = 60_000;
/** All attempts of a request. */
const DEADLINE_MS = 20_000;
const ATTEMPT_MS = 8_000;
const MAX_WAIT_SECONDS = 20;

/** The tools of one lease. */
export interface LeaseTools {
  /** Where OpenCode finds them. */
  url: string;
  contexts: Pick<ContextTools, 'excerpt'>;
  disputes: Pick<Disputes, 'merge' | 'shown' | 'unmerged'>;
  /** Removes them, and ends what was claimed by them. */
  close(): Promise<void>;
}

/** Makes the tools of leases. */
export type OpenTools = (
  assignment: Pick<Assignment, 'session_id' | 'task_id' | 'epoch'>,
  /** Its temporary directory, which is removed when it has ended. */
  temporary: string,
) => LeaseTools;

interface ToolsDependencies {
  server: ToolServer;
  url: string;
  token: string;
  agentId: string;
  agentName: string;
  /** See `SecretFiles`. */
  conceal: (secret: string) => void;
}

/** Opens the tools of a lease: an MCP server with requests to the control plane, which names the lease in each. */
export function leaseTools({ server, url, token, agentId, agentName, conceal }: ToolsDependencies): OpenTools {
  return ({ session_id, task_id, epoch }, directory) => {
    const lease = { session_id, task_id, epoch };
    const rest = createRestClient({ baseUrl: url, token, lease, deadlineMs: DEADLINE_MS, attemptMs: ATTEMPT_MS });
    const seen = new SeenVersions();
    const disputes = new Disputes({ contexts: rest.contexts, lease });
    const contexts = new ContextTools({ contexts: rest.contexts, lease, agentId, seen, disputes });
    const secrets = new SecretFiles({ contexts: rest.contexts, sessionId: session_id, agentId, directory, conceal });
    const owner = `${agentName.slice(0, 40)} task ${taskNumber(task_id)}`;
    const claims = new Claims({ locks: rest.locks, session_id, owner });
    const mounted = server.mount(() => toolsOf({ contexts, disputes, secrets, claims }));
    return {
      url: mounted.url,
      contexts,
      disputes,
      close: async () => {
        await mounted.unmount();
        await claims.close();
      },
    };
  };
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

interface Tools {
  contexts: ContextTools;
  disputes: Disputes;
  secrets: SecretFiles;
  claims: Claims;
}

const INSTRUCTIONS =
  'The shared context of the agents that work on this session, and claims by which they do not get in each other’s way.';

function toolsOf({ contexts, disputes, secrets, claims }: Tools): McpServer {
  const server = new McpServer({ name: TOOLS_NAME, version: VERSION }, { instructions: INSTRUCTIONS });
  const answer = (run: () => Promise<string>) =>
    answerOf(async () => {
      const text = await run();
      const lost = claims.takeLost();
      return lost === null ? text : `${lost}\n${text}`;
    });
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
  return server;
}
