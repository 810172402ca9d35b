import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type LeaseTools, leaseTools } from '../../../runner/mcp/lease-tools.ts';
import type { ToolServer } from '../../../runner/mcp/tool-server.ts';
import type { Client as Oio } from '../../../src/client/client.ts';
import type { OfferedAssignment } from '../../../src/protocol/run/reports.ts';
import type { BuiltWorker } from './built-worker.ts';

/** An agent at work over plain HTTP, with the tools of the runner for its lease, and a model's client of them. */
export interface AgentAtWork {
  agentId: string;
  token: string;
  assignment: OfferedAssignment;
  tools: LeaseTools;
  mcp: Client;
  /** Calls a tool. @returns its text, and whether the model reads it as a failure */
  call(name: string, input: Record<string, unknown>): Promise<{ text: string; isError: boolean }>;
  /** Gives the lease back. */
  release(): Promise<void>;
  close(): Promise<void>;
}

/** Registers an agent, which takes the next task that requires its label, and begins with it. */
export async function agentAtWork(
  worker: BuiltWorker,
  oio: Oio,
  server: ToolServer,
  name: string,
  label: string,
): Promise<AgentAtWork> {
  const { id, token } = await oio.agents.register({
    name,
    agent_type: 'implementer',
    capabilities: [],
    labels: [label],
  });
  const post = async <T>(path: string, body: object): Promise<T> => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const response = await fetch(`${worker.url}/api/v1/${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (response.status === 204 ? null : await response.json()) as T;
  };
  const body = { wait_seconds: 20, max: 1 };
  const [assignment] = (await post<{ assignments: OfferedAssignment[] }>(`agents/${id}/claim`, body)).assignments;
  const { task_id, epoch } = assignment!;
  const lease = `leases/${task_id}/${epoch}`;
  const begun = { n: 1, type: 'turn.started', data: { turn: 1, message: 1, model: null, agent: null } };
  await post(`${lease}/events`, { events: [begun] });
  const open = leaseTools({ server, url: worker.url, token, agentId: id, agentName: name });
  const tools = open(assignment!);
  const mcp = new Client({ name: 'model', version: '1' });
  await mcp.connect(new StreamableHTTPClientTransport(new URL(tools.url)));
  return {
    agentId: id,
    token,
    assignment: assignment!,
    tools,
    mcp,
    async call(tool, input) {
      const { content, isError = false } = await mcp.callTool({ name: tool, arguments: input });
      return { text: content.map((part) => (part.type === 'text' ? part.text : '')).join('\n'), isError };
    },
    release: () => post(`${lease}/release`, { reason: 'refused' }),
    async close() {
      await mcp.close();
      await tools.close();
    },
  };
}
