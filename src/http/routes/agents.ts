import { ownAgentOnly } from '../../application/authorize.ts';
import { type Outcome, ok, refuse } from '../../protocol/common/errors.ts';
import { authorityOf, type Principal } from '../../protocol/workspace/token.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

/** An agent's own token is valid for a year, or as long as the token that registers the agent. */
const LONGEST_SECONDS = 31_536_000;

/** Handlers of the fleet. An agent's own token is signed from its registration, and has no other record. */
export function agentHandlers({ agentRegistries, signer, effects }: Dependencies) {
  const registryOf = ({ workspace }: Principal) => agentRegistries.of(workspace);

  function signOwnToken(principal: Principal, agentId: string, jti: string): Promise<string> {
    const { workspace: ws, expires_at } = principal;
    const iat = Math.floor(effects.now() / 1_000);
    const exp = Math.min(iat + LONGEST_SECONDS, Math.floor((expires_at ?? Number.POSITIVE_INFINITY) / 1_000));
    const agent = { id: agentId, registered_by: authorityOf(principal) };
    return signer.sign({ use: 'api', ws, role: 'agent', jti, iat, exp, agent });
  }

  return {
    registerAgent: async ({ body, call }) => {
      const registry = registryOf(call.principal);
      const proposed = { agent_id: body.id ?? effects.uuid(), token_id: effects.uuid() };
      const registered = await registry.register(call, proposed, body);
      if (!registered.ok) return registered;
      const { agent_id, token_id } = registered.value;
      const agent = await registry.agent(call, agent_id);
      return agent.ok ? ok({ ...agent.value, token: await signOwnToken(call.principal, agent_id, token_id) }) : agent;
    },
    listAgents: ({ query, call }) => registryOf(call.principal).agents(call, query),
    readFleetStatistics: ({ call }) => registryOf(call.principal).statistics(call),
    routeTask: ({ body, call }) => registryOf(call.principal).route(call, body),
    rebalanceFleet: ({ body, call }) => registryOf(call.principal).rebalance(call, body),
    readAgent: async ({ params: { id }, call }) => {
      const own = ownOnly(call.principal, id);
      return own.ok ? registryOf(call.principal).agent(call, id) : own;
    },
    readAgentPerformance: async ({ params: { id }, call }) => {
      const own = ownOnly(call.principal, id);
      return own.ok ? registryOf(call.principal).performance(call, id) : own;
    },
    updateAgent: ({ params, body, call }) => registryOf(call.principal).update(call, params.id, body),
    drainAgent: ({ params, body, call }) => registryOf(call.principal).drain(call, params.id, body),
    resumeAgent: ({ params, call }) => registryOf(call.principal).resume(call, params.id),
    deregisterAgent: ({ params, body, call }) => registryOf(call.principal).deregister(call, params.id, body),
  } satisfies SomeHandlers;
}

/** An agent reads only itself, so a token of agents that is of none reads no agent. */
function ownOnly(principal: Principal, agentId: string): Outcome<null> {
  if (principal.role === 'agent' && !principal.agent) {
    return refuse('forbidden', 'This token registers agents. Read an agent with its own token.');
  }
  return ownAgentOnly(principal, agentId);
}
