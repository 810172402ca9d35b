import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { AgentList, AgentView } from '../../protocol/agent/agent.ts';
import { Uuid } from '../../protocol/common/ids.ts';
import { needs } from '../auth/roles.ts';
import { callOf } from '../call.ts';
import type { Dependencies } from '../dependencies.ts';
import { unwrap } from '../refusal.ts';
import { createRouter, json, problems } from '../route.ts';

const PATH = '/api/v1/agents';
const tags = ['Agents'];

const list = createRoute({
  method: 'get',
  path: PATH,
  tags,
  summary: 'List the agents',
  ...needs('read'),
  responses: { 200: json(AgentList, 'The workspace’s agents.'), ...problems },
});

const read = createRoute({
  method: 'get',
  path: `${PATH}/{id}`,
  tags,
  summary: 'Read an agent',
  ...needs('read'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: json(AgentView, 'The agent.'), ...problems },
});

/** Agents register over their control socket; here they are read. */
export function agentRoutes({ agentRegistries }: Dependencies) {
  return createRouter()
    .openapi(list, async (c) => {
      const registry = agentRegistries.of(c.get('principal').workspace);
      return c.json({ items: unwrap(await registry.agents(await callOf(c))) }, 200);
    })
    .openapi(read, async (c) => {
      const registry = agentRegistries.of(c.get('principal').workspace);
      return c.json(unwrap(await registry.agent(await callOf(c), c.req.valid('param').id)), 200);
    });
}
