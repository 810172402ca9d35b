import * as z from 'zod';
import { AgentList, AgentView } from '../agent/agent.ts';
import { Uuid } from '../common/ids.ts';
import { PageQuery } from '../common/page.ts';
import { schema } from '../common/schema.ts';
import { type Endpoints, json, page } from './endpoint.ts';
import type { OperationId } from './routes.ts';

/** Operations that read agents. Agents register over their control socket. */
export const AGENT_ENDPOINTS = {
  listAgents: {
    tag: 'Agents',
    summary: 'List the agents',
    access: 'read',
    query: PageQuery,
    responses: { 200: page(AgentList, 'The workspace’s agents.') },
    errors: [],
  },
  readAgent: {
    tag: 'Agents',
    summary: 'Read an agent',
    access: 'read',
    params: schema(() => z.object({ id: Uuid() })),
    responses: { 200: json(AgentView, 'The agent.') },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
