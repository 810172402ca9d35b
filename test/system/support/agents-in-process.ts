import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from '../../../runner/agent.ts';
import { Repository } from '../../../runner/git/repository.ts';
import { loadIdentity } from '../../../runner/identity.ts';
import { webSocketConnections } from '../../../runner/lease/connection.ts';
import { ToolServer } from '../../../runner/mcp/tool-server.ts';
import { toolEnvironment } from '../../../runner/opencode/tool-environment.ts';
import { redaction } from '../../../runner/redaction.ts';
import { chooseModel } from '../../../runner/start.ts';
import { readCeilings } from '../../../runner/work/ceiling-watch.ts';
import { eventually } from '../../support/eventually.ts';
import type { FleetMember } from './fleet.ts';
import { cloneRepository, type OpenCodeRig } from './rig.ts';
import { setupFor } from './work-rig.ts';

/**
 * Many agents in this process, each with a clone, an identity and connections of its own, on one OpenCode server: for
 * drills in which agents are many but come to no harm, since an OpenCode server takes seconds of computing to start.
 * Resolves when the control plane knows all of them.
 */
export async function startAgentsInProcess(fleet: FleetMember, rig: OpenCodeRig, names: string[]): Promise<Agent[]> {
  const { url, agentToken: token, origin, configFile } = fleet.address;
  const { server, client: opencode } = rig;
  const source = { kind: 'given', config: JSON.parse(readFileSync(configFile, 'utf8')) } as const;
  const model = await chooseModel(opencode);
  const openConnection = webSocketConnections(url, token);
  const agents = await Promise.all(
    names.map(async (name) => {
      const dataDirectory = join(fleet.path, name, 'home');
      mkdirSync(dataDirectory, { recursive: true });
      const directory = cloneRepository(origin, join(fleet.path, name, 'clone'));
      const [identity, repository] = [loadIdentity(dataDirectory), await Repository.open(directory)];
      const log = () => undefined;
      const options = {
        url,
        token,
        directory,
        dataDirectory,
        capacity: 1,
        name,
        source,
        tools: toolEnvironment(process.env),
        ceilings: readCeilings(),
        log,
      };
      return new Agent(options, {
        identity,
        repository,
        canMerge: true,
        server,
        opencode,
        model,
        openConnection,
        redact: redaction([]),
        setup: setupFor(rig, 'off'),
        tools: await ToolServer.start(),
        unlock: () => undefined,
      });
    }),
  );
  await eventually(async () => {
    const connected = (await fleet.client.agents.list()).filter((agent) => agent.connected).map(({ id }) => id);
    const missing = agents.filter(({ id }) => !connected.includes(id));
    if (missing.length > 0) throw new Error(`${missing.length} agents are not connected yet`);
  });
  return agents;
}
