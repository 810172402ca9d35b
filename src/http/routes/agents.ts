import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { asItems } from '../refusal.ts';

/** Handlers that read agents. Agents register over their control socket. */
export function agentHandlers({ agentRegistries }: Dependencies) {
  return {
    listAgents: async ({ call }) => asItems(await agentRegistries.of(call.principal.workspace).agents(call)),
    readAgent: ({ params, call }) => agentRegistries.of(call.principal.workspace).agent(call, params.id),
  } satisfies SomeHandlers;
}
