import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { asItems } from '../refusal.ts';

/** Agents register over their control socket; here they are read. */
export function agentHandlers({ agentRegistries }: Dependencies) {
  return {
    listAgents: async ({ call }) => asItems(await agentRegistries.of(call.principal.workspace).agents(call)),
    readAgent: ({ params, call }) => agentRegistries.of(call.principal.workspace).agent(call, params.id),
  } satisfies SomeHandlers;
}
