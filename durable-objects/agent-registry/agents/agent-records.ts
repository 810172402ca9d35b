import type { AgentRecord } from '../../../src/ports/agent-history.ts';
import type { WorkspaceId } from '../../../src/protocol/common/ids.ts';
import type { ObjectKit } from '../../kit/runtime.ts';
import { instant } from '../../kit/text.ts';
import { HISTORY } from '../config.ts';
import type { Agent } from './agent-rows.ts';
import type { RecordAgent } from './agents-table.ts';

/** Sends the changes of a workspace's agents to the history. Only the newest one of an agent waits there. */
export function recordTo({ store, outbox }: ObjectKit, workspace: WorkspaceId): RecordAgent {
  return (agent, removed) =>
    outbox.put(HISTORY, agent.id, recordOf(agent, { workspace, at: instant(store.platform.now()), removed }));
}

function recordOf(agent: Agent, of: { workspace: WorkspaceId; at: string; removed: boolean }): AgentRecord {
  return {
    workspace: of.workspace,
    agent_id: agent.id,
    rev: agent.rev,
    name: agent.name,
    agent_type: agent.agent_type,
    capabilities: agent.capabilities,
    labels: agent.labels,
    preferred_technologies: agent.preferred_technologies,
    max_concurrent_capacity: agent.capacity,
    model: agent.model,
    cost_per_token_usd: agent.cost_per_token_usd,
    repository: agent.repository,
    remotes: agent.remotes,
    version: agent.version === '' ? null : agent.version,
    performance_tier: agent.tier,
    changed_at: of.at,
    removed_at: of.removed ? of.at : null,
  };
}
