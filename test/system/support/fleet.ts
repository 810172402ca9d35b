import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scriptedModelConfig } from '../../../cli/demo/scripted-model.ts';
import type { ConversationMessage } from '../../../runner/work/opencode-port.ts';
import { type Client, createClient } from '../../../src/client/client.ts';
import { type AgentPlace, AgentProcess } from './agent-process.ts';
import { readCheckpoint } from './agreement.ts';
import { ControlPlane } from './control-plane.ts';
import { cloneRepository, createRepository, scratchDirectory, startScriptedModel } from './rig.ts';

/** A Postgres that is never there: embedded, it would take ten seconds of a core, and sessions do not need it. */
export const NO_POSTGRES = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' };

const SESSION_STORAGE = 'oio-Session';

/** Where a running fleet is found: plain data, so that another process can join it. */
export interface FleetAddress {
  /** The scratch directory that holds everything of the fleet. */
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

/** A way into a running fleet. */
export interface FleetMember {
  address: FleetAddress;
  path: string;
  /** Acts with the admin token, and waits out a restart. */
  client: Client;
  /** An agent with a clone and a home of its own, not started yet. */
  agent(name: string, options?: Partial<AgentPlace>): AgentProcess;
  /** OpenCode's conversation of a session, as its newest stored checkpoint carries it. */
  conversationOf(sessionId: string): ConversationMessage[];
  /** Ends the agents that were made here. */
  removeAgents(): Promise<void>;
}

export function joinFleet(address: FleetAddress): FleetMember {
  const { path, url, adminToken, agentToken, dataDirectory, configFile, origin } = address;
  const agents: AgentProcess[] = [];
  return {
    address,
    path,
    client: createClient({ baseUrl: url, token: adminToken, deadlineMs: 60_000 }),
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

/** A control plane, a scripted model, and agents that share nothing else; all of it in one scratch directory. */
export interface Fleet extends FleetMember {
  controlPlane: ControlPlane;
  /** Ends everything. @throws when the control plane left a process behind */
  stop(): Promise<void>;
}

export async function startFleet(env: Record<string, string>): Promise<Fleet> {
  const scratch = scratchDirectory();
  const model = await startScriptedModel();
  const configFile = join(scratch.path, 'opencode.json');
  writeFileSync(configFile, JSON.stringify(scriptedModelConfig(model.url)));
  const origin = createRepository(join(scratch.path, 'origin'));
  const dataDirectory = join(scratch.path, 'data');
  const controlPlane = await ControlPlane.start(dataDirectory, env);
  const { url, token: adminToken } = controlPlane;
  const { token: agentToken } = await controlPlane.client.tokens.create({ name: 'agents', role: 'agent' });
  const { path } = scratch;
  const member = joinFleet({ path, url, adminToken, agentToken, dataDirectory, configFile, origin });
  return {
    ...member,
    controlPlane,
    async stop() {
      await member.removeAgents();
      await controlPlane.stop().finally(async () => {
        await model.close();
        scratch.remove();
      });
    },
  };
}
