import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scriptedModelConfig } from '../../../cli/demo/scripted-model.ts';
import type { ConversationMessage } from '../../../runner/work/opencode-port.ts';
import type { Client } from '../../../src/client/client.ts';
import { checkedClient } from '../../support/checked-client.ts';
import { type AgentPlace, AgentProcess } from './agent-process.ts';
import { readCheckpoint } from './agreement.ts';
import { ControlPlane, RESTART_LIMIT_MS } from './control-plane.ts';
import { cloneRepository, createRepository, type ScriptedModel, scratchDirectory, startScriptedModel } from './rig.ts';

/** A Postgres URL where nothing listens. An embedded one would take ten seconds of CPU, and sessions do not need it. */
export const NO_POSTGRES = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' };

const SESSION_STORAGE = 'oio-Session';

/** The addresses and paths of a running fleet, as plain data, so that another process can join it. */
export interface FleetAddress {
  /** The scratch directory with all files of the fleet. */
  path: string;
  url: string;
  adminToken: string;
  agentToken: string;
  /** The control plane's data directory. */
  dataDirectory: string;
  /** OpenCode's configuration with the scripted model. */
  configFile: string;
  /** The repository that each agent clones. */
  origin: string;
}

/** Gives tests access to a running fleet. */
export interface FleetMember {
  address: FleetAddress;
  path: string;
  /** A client with the admin token, which retries during a restart. */
  client: Client;
  /** Creates an agent with its own clone and home, and does not start it. */
  agent(name: string, options?: Partial<AgentPlace>): AgentProcess;
  /** The conversation in a session's newest checkpoint. */
  conversationOf(sessionId: string): ConversationMessage[];
  /** Stops the agents that were created here. */
  removeAgents(): Promise<void>;
}

export function joinFleet(address: FleetAddress): FleetMember {
  const { path, url, adminToken, agentToken, dataDirectory, configFile, origin } = address;
  const agents: AgentProcess[] = [];
  return {
    address,
    path,
    client: checkedClient({ baseUrl: url, token: adminToken, deadlineMs: RESTART_LIMIT_MS }),
    agent(name, options = {}) {
      const directory = join(path, name);
      mkdirSync(directory);
      const clone = cloneRepository(origin, join(directory, 'clone'));
      const place = { url, token: agentToken, name, clone, home: join(directory, 'home'), configFile };
      const agent = new AgentProcess({ ...place, ...options });
      agents.push(agent);
      return agent;
    },
    conversationOf: (sessionId) => readCheckpoint(join(dataDirectory, 'objects', SESSION_STORAGE), sessionId),
    removeAgents: async () => {
      await Promise.all(agents.map((agent) => agent.remove()));
    },
  };
}

/** A control plane, a scripted model, and agents that share nothing else, in one scratch directory. */
export interface Fleet extends FleetMember {
  controlPlane: ControlPlane;
  model: ScriptedModel;
  /** Ends everything. @throws when the control plane left a process behind */
  stop(): Promise<void>;
}

export async function startFleet(env: Record<string, string>): Promise<Fleet> {
  // If a step fails, this ends the parts that have started.
  await using parts = new AsyncDisposableStack();
  const scratch = scratchDirectory();
  parts.defer(scratch.remove);
  const model = await startScriptedModel();
  parts.defer(model.close);
  const configFile = join(scratch.path, 'opencode.json');
  writeFileSync(configFile, JSON.stringify(scriptedModelConfig(model.url)));
  const origin = createRepository(join(scratch.path, 'origin'));
  const dataDirectory = join(scratch.path, 'data');
  const controlPlane = await ControlPlane.start(dataDirectory, env);
  parts.defer(() => controlPlane.stop());
  const { url, token: adminToken } = controlPlane;
  const { token: agentToken } = await controlPlane.client.tokens.create({ name: 'agents', role: 'agent' });
  const { path } = scratch;
  const member = joinFleet({ path, url, adminToken, agentToken, dataDirectory, configFile, origin });
  parts.defer(member.removeAgents);
  const started = parts.move();
  return { ...member, controlPlane, model, stop: () => started.disposeAsync() };
}
