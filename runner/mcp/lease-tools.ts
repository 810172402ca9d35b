import { createRestClient } from '../../src/client/rest-client.ts';
import { taskNumber } from '../../src/protocol/common/ids.ts';
import type { Assignment } from '../../src/protocol/run/assignment.ts';
import { Claims } from './claims.ts';
import { ContextTools } from './context-tools.ts';
import { Disputes } from './disputes.ts';
import { SecretFiles } from './secret-files.ts';
import { SeenVersions } from './seen-versions.ts';
import { toolsOf } from './tool-definitions.ts';
import type { ToolServer } from './tool-server.ts';

/** OpenCode gives a call up after a time, in ms; before, the tools answer. */
export const TOOL_CALL_MS = 60_000;
/** All attempts of a request. */
const DEADLINE_MS = 20_000;
const ATTEMPT_MS = 8_000;

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
