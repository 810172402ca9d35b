import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  /** The values that must not be in what the agent reports. */
  concealed: string[];
  /** The temporary directory of the lease. */
  temporary: string;
  mcp: Client;
  /** Calls a tool. @returns its text, and whether the model reads it as a failure */
  call(name: string, input: Record<string, unknown>): Promise<{ text: string; isError: boolean }>;
  /** Gives the lease back. */
  release(): Promise<void>;
  close(): Promise<void>;
}

interface Rig {
  worker: BuiltWorker;
  oio: Oio;
  server: ToolServer;
}

let sessions = 0;

/** A session with as many agents at work on its tasks. */
export async function agentsAtWork(rig: Rig, count: number): Promise<{ session: string; at: AgentAtWork[] }> {
  sessions += 1;
  const label = `session=${sessions}`;
  const required_labels = [label];
  const { id } = await rig.oio.sessions.create({ title: 'A session', initial_prompt: 'Do', required_labels });
  // Tasks take the place of the session's own prompt.
  for (let n = 1; count > 1 && n <= count; n++) {
    await rig.oio.tasks.create({ session_id: id, title: `Task ${n}`, description: 'Do it', required_labels });
  }
  await rig.oio.sessions.act(id, 'start');
  const at: AgentAtWork[] = [];
  for (let n = 0; n < count; n++) at.push(await agentAtWork(rig, `AGENT-${sessions}-${n}`, label));
  return { session: id, at };
}

/** Registers an agent, which takes the next task that requires its label, and begins with it. */
async function agentAtWork({ worker, oio, server }: Rig, name: string, label: string): Promise<AgentAtWork> {
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
  const concealed: string[] = [];
  const open = leaseTools({
    server,
    url: worker.url,
    token,
    agentId: id,
    agentName: name,
    conceal: (secret) => concealed.push(secret),
  });
  const temporary = mkdtempSync(join(tmpdir(), 'oio-lease-tools-'));
  const tools = open(assignment!, temporary);
  const mcp = new Client({ name: 'model', version: '1' });
  await mcp.connect(new StreamableHTTPClientTransport(new URL(tools.url)));
  return {
    agentId: id,
    token,
    assignment: assignment!,
    tools,
    concealed,
    temporary,
    mcp,
    async call(tool, input) {
      const { content, isError = false } = await mcp.callTool({ name: tool, arguments: input });
      return { text: content.map((part) => (part.type === 'text' ? part.text : '')).join('\n'), isError };
    },
    release: () => post(`${lease}/release`, { reason: 'refused' }),
    async close() {
      await mcp.close();
      await tools.close();
      rmSync(temporary, { recursive: true });
    },
  };
}
