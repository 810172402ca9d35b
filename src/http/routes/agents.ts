import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';

/** Handlers that read agents. Agents register over their control socket. */
export function agentHandlers({ agentRegistries }: Dependencies) {
  return {
    listAgents: ({ query, call }) => agentRegistries.of(call.principal.workspace).agents(call, query),
    readAgent: ({ params, call }) => agentRegistries.of(call.principal.workspace).agent(call, params.id),
  } satisfies SomeHandlers;
}
