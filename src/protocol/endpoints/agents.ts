import * as z from 'zod';
import {
  AgentList,
  AgentListQuery,
  AgentPerformance,
  AgentView,
  DeregisterAgentRequest,
  DrainAgentRequest,
  FleetStatistics,
  RegisterAgentRequest,
  RegisteredAgent,
  RoutedAgent,
  RouteTaskRequest,
  UpdateAgentRequest,
} from '../agent/agent.ts';
import { Rebalance, RebalanceRequest } from '../agent/rebalance.ts';
import { AgentType, Capability, PerformanceTier } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { ClaimedWork, ClaimRequest } from '../run/reports.ts';
import { Label } from '../session/requirements.ts';
import { type Endpoints, json, NoMembers, page, repeated } from './endpoint.ts';
import type { OperationId } from './routes.ts';

const AgentParams = schema(() => z.object({ id: Uuid() }));

/** Operations on the fleet. An agent that says hello over its control socket registers in the same way. */
export const AGENT_ENDPOINTS = {
  registerAgent: {
    tag: 'Agents',
    summary: 'Register an agent, and create its own token',
    access: 'enrol',
    idempotent: true,
    body: RegisterAgentRequest,
    responses: { 201: json(RegisteredAgent, 'The agent, with its token shown this once.') },
    errors: ['name_taken', 'limit_reached'],
  },
  listAgents: {
    tag: 'Agents',
    summary: 'List the agents',
    access: 'read',
    query: schema(() =>
      AgentListQuery().extend({
        capability: repeated(Capability(), 'Agents that have all of these capabilities.'),
        label: repeated(Label(), 'Agents that have all of these labels.'),
        agent_type: repeated(AgentType(), 'Agents of one of these types.'),
        performance_tier: repeated(PerformanceTier(), 'Agents of one of these tiers.'),
      }),
    ),
    responses: { 200: page(AgentList, 'The workspace’s agents.') },
    errors: [],
  },
  readFleetStatistics: {
    tag: 'Agents',
    summary: 'Count agents, free slots and waiting requests',
    access: 'read',
    responses: { 200: json(FleetStatistics, 'The fleet now.') },
    errors: [],
  },
  routeTask: {
    tag: 'Agents',
    summary: 'Find the agent that would get a task now, and why; reserves nothing',
    access: 'read',
    body: RouteTaskRequest,
    responses: { 200: json(RoutedAgent, 'The best agent, with its score and the others.') },
    errors: ['no_capable_agent', 'no_agent_available'],
  },
  rebalanceFleet: {
    tag: 'Agents',
    summary: 'Move work from agents that have too much to idle ones',
    access: 'operate',
    idempotent: true,
    body: RebalanceRequest,
    responses: { 200: json(Rebalance, 'What was moved and why, and what was not and why.') },
    errors: [],
  },
  readAgent: {
    tag: 'Agents',
    summary: 'Read an agent',
    access: 'read_agent',
    params: AgentParams,
    responses: { 200: json(AgentView, 'The agent.') },
    errors: ['not_found'],
  },
  readAgentPerformance: {
    tag: 'Agents',
    summary: 'Read how an agent has worked lately',
    access: 'read_agent',
    params: AgentParams,
    responses: { 200: json(AgentPerformance, 'Counts, success, durations and cost.') },
    errors: ['not_found'],
  },
  claimWork: {
    tag: 'Agents',
    summary: 'Ask for work as an agent without sockets, and wait for it',
    access: 'act',
    params: AgentParams,
    body: ClaimRequest,
    responses: { 200: json(ClaimedWork, 'The work that is offered to the agent.') },
    errors: ['not_found', 'agent_connected'],
  },
  sendHeartbeat: {
    tag: 'Agents',
    summary: 'Say that an agent without sockets is alive',
    access: 'act',
    params: AgentParams,
    body: NoMembers,
    responses: { 204: { description: 'The agent counts as alive for about a minute.' } },
    errors: ['not_found'],
  },
  updateAgent: {
    tag: 'Agents',
    summary: 'Change an agent',
    access: 'operate',
    idempotent: true,
    params: AgentParams,
    body: UpdateAgentRequest,
    responses: { 200: json(AgentView, 'The agent after the change.') },
    errors: ['not_found'],
  },
  drainAgent: {
    tag: 'Agents',
    summary: 'Give an agent no new work',
    access: 'operate',
    idempotent: true,
    params: AgentParams,
    body: DrainAgentRequest,
    responses: { 200: json(AgentView, 'The agent, which drains.') },
    errors: ['not_found'],
  },
  resumeAgent: {
    tag: 'Agents',
    summary: 'Give a drained agent work again',
    access: 'operate',
    idempotent: true,
    params: AgentParams,
    body: NoMembers,
    responses: { 200: json(AgentView, 'The agent.') },
    errors: ['not_found', 'agent_leaving'],
  },
  deregisterAgent: {
    tag: 'Agents',
    summary: 'Remove an agent when it has finished its work, or at once',
    access: 'operate',
    idempotent: true,
    params: AgentParams,
    body: DeregisterAgentRequest,
    responses: { 204: { description: 'The agent drains, and is then removed.' } },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
