import * as z from 'zod';
import { ForeignId } from '../common/bounds.ts';
import { AgentType, Capabilities, Capability, LoadLevel, PerformanceTier } from '../common/enums.ts';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import {
  MAX_AGENT_CAPACITY,
  MAX_AGENT_SECRET_CHARS,
  MAX_LABELS,
  MAX_REMOTE_CHARS,
  MAX_REMOTES,
  MAX_TECHNOLOGIES,
  MIN_AGENT_SECRET_CHARS,
} from '../common/limits.ts';
import { NextCursor, PageQuery } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { AgentChoice, Label, LabelRequirements, Technology } from '../session/requirements.ts';

export const AgentName = schema(() =>
  z
    .string()
    .regex(/^AGENT-[A-Z0-9-]{1,60}$/, 'must look like AGENT-BUILD-01')
    .meta({ id: 'AgentName', description: 'The name of an agent.', example: 'AGENT-LOCAL' }),
);

const CAPACITY_BY_DEFAULT = 5;

const Capacity = schema(() => z.int().min(1).max(MAX_AGENT_CAPACITY));
export const CostPerToken = schema(() => z.number().min(0).max(1));

/** What an agent is and can do, as far as people may change it. */
const Profile = schema(() =>
  z.strictObject({
    agent_type: AgentType(),
    capabilities: Capabilities(),
    max_concurrent_capacity: Capacity().meta({ description: 'How many tasks the agent works on at once.' }),
    labels: z.array(Label()).max(MAX_LABELS),
    preferred_technologies: z.array(Technology()).max(MAX_TECHNOLOGIES),
    model: ForeignId().nullable(),
    cost_per_token_usd: CostPerToken().nullable(),
  }),
);

export const RegisterAgentRequest = schema(() =>
  Profile()
    .extend({
      id: Uuid().optional().meta({ description: 'Chosen by the control plane if absent.' }),
      name: AgentName().meta({ description: 'Unique in the workspace.' }),
      max_concurrent_capacity: Capacity().default(CAPACITY_BY_DEFAULT),
      labels: Profile().shape.labels.default([]),
      preferred_technologies: Profile().shape.preferred_technologies.default([]),
      model: Profile().shape.model.default(null),
      cost_per_token_usd: CostPerToken().nullable().default(null),
      secret: z.string().min(MIN_AGENT_SECRET_CHARS).max(MAX_AGENT_SECRET_CHARS).optional().meta({
        description:
          'Known only to the agent. An agent that registers again with its name and secret keeps its id and gets a new token; the old one ends.',
      }),
      repository_urls: z.array(z.string().min(1).max(MAX_REMOTE_CHARS)).max(MAX_REMOTES).default([]).meta({
        description: 'The repositories that the agent can work on, by any of their URLs.',
      }),
    })
    .meta({
      id: 'RegisterAgentRequest',
      description: 'A new agent.',
      example: {
        name: 'AGENT-BUILD-01',
        agent_type: 'implementer',
        capabilities: ['code_generation', 'testing'],
        max_concurrent_capacity: 5,
        labels: ['gpu=true'],
      },
    }),
);
export type RegisterAgentRequest = Infer<typeof RegisterAgentRequest>;

export const UpdateAgentRequest = schema(() =>
  Profile()
    .partial()
    .meta({
      id: 'UpdateAgentRequest',
      description: 'What changes. What is absent stays as it is, until the agent itself registers with other values.',
      example: { max_concurrent_capacity: 2 },
    }),
);
export type UpdateAgentRequest = Infer<typeof UpdateAgentRequest>;

const DrainSeconds = schema(() => z.int().min(0).max(86_400));

export const DrainAgentRequest = schema(() =>
  z
    .strictObject({
      reason: z.string().trim().min(1).max(500).optional(),
      timeout_seconds: DrainSeconds().default(3_600).meta({
        description: 'When the leases that the agent still has then are taken from it.',
      }),
    })
    .meta({
      id: 'DrainAgentRequest',
      description: 'The agent gets no new work, and finishes what it has.',
      example: { reason: 'maintenance' },
    }),
);
export type DrainAgentRequest = Infer<typeof DrainAgentRequest>;

export const DeregisterAgentRequest = schema(() =>
  DrainAgentRequest()
    .extend({
      force: z.boolean().default(false).meta({ description: 'Take the agent’s leases at once.' }),
    })
    .meta({
      id: 'DeregisterAgentRequest',
      description: 'The agent is drained and then removed.',
      example: { reason: 'replaced' },
    }),
);
export type DeregisterAgentRequest = Infer<typeof DeregisterAgentRequest>;

/** The query of the list of agents. */
export const AgentListQuery = schema(() =>
  PageQuery().extend({
    capability: z.array(Capability()).default([]),
    label: z.array(Label()).default([]),
    agent_type: z.array(AgentType()).default([]),
    performance_tier: z.array(PerformanceTier()).default([]),
    is_available: z
      .enum(['true', 'false'])
      .transform((word) => word === 'true')
      .optional()
      .meta({ description: 'Only agents that would get work now; with `false`, only the others.' }),
  }),
);
export type AgentListQuery = Infer<typeof AgentListQuery>;

export const AgentState = schema(() =>
  z.enum(['registered', 'connected', 'offline', 'draining', 'leaving']).meta({
    id: 'AgentState',
    description:
      'registered: not heard yet; draining: gets no new work; leaving: draining, and removed afterwards. A draining agent may be connected or not.',
    example: 'connected',
  }),
);
export type AgentState = Infer<typeof AgentState>;

const AgentLease = schema(() =>
  z.object({
    task_id: TaskId(),
    epoch: z.int(),
    session_id: SessionId(),
    state: z.enum(['offered', 'accepted']),
  }),
);
export type AgentLease = Infer<typeof AgentLease>;

const EXAMPLE_AGENT = {
  id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  name: 'AGENT-LOCAL',
  agent_type: 'implementer',
  capabilities: ['code_generation'],
  labels: ['os=linux'],
  preferred_technologies: ['typescript'],
  model: 'demo/scripted',
  cost_per_token_usd: null,
  performance_tier: 'competent',
  state: 'connected',
  connected: true,
  is_available: true,
  unavailable_because: null,
  max_concurrent_capacity: 4,
  slots_used: 1,
  load_level: 'optimal',
  leases: [
    {
      task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
      epoch: 1,
      session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
      state: 'accepted',
    },
  ],
  repository: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  remotes: ['github.com/acme/web'],
  version: '0.1.0',
  last_seen_at: '2026-11-22T15:04:05.678Z',
};

export const AgentView = schema(() =>
  z
    .object({
      id: Uuid(),
      name: AgentName(),
      agent_type: AgentType(),
      capabilities: z.array(Capability()),
      labels: z.array(z.string()),
      preferred_technologies: z.array(z.string()),
      model: z.string().nullable(),
      cost_per_token_usd: z.number().nullable(),
      performance_tier: PerformanceTier(),
      state: AgentState(),
      connected: z.boolean(),
      is_available: z.boolean(),
      /** Why the agent gets no work now, in words; null if it is available. */
      unavailable_because: z.string().nullable(),
      max_concurrent_capacity: z.int(),
      slots_used: z.int(),
      load_level: LoadLevel(),
      leases: z.array(AgentLease()),
      repository: z.string().nullable(),
      remotes: z.array(z.string()),
      version: z.string().nullable(),
      last_seen_at: Instant().nullable(),
    })
    .meta({
      id: 'Agent',
      description: 'A registered agent.',
      example: EXAMPLE_AGENT,
    }),
);
export type AgentView = Infer<typeof AgentView>;

const EXAMPLE_RESULTS = {
  performance_tier: 'advanced',
  reason: '85 % estimated success over the last 11 results.',
  counts: { completed: 9, partial: 1, failed: 1 },
  success: { estimate: 0.85, low: 0.6, high: 0.96 },
  quality: null,
  duration: { p50_ms: 240_000, p95_ms: 900_000 },
  cost_usd: 1.2,
};
const EXAMPLE_PERFORMANCE = {
  ...EXAMPLE_RESULTS,
  agent_id: EXAMPLE_AGENT.id,
  circuit: 'closed',
  by_capability: [{ ...EXAMPLE_RESULTS, capability: 'testing' }],
  by_day: [{ ...EXAMPLE_RESULTS, day: '2026-11-22' }],
};

export const RouteTaskRequest = schema(() =>
  z
    .strictObject({
      task_description: z.string().trim().min(1).max(10_000),
      required_capabilities: Capabilities(),
      required_labels: LabelRequirements().default([]),
      ...AgentChoice().shape,
    })
    .meta({
      id: 'RouteTaskRequest',
      description: 'A task for which an agent is wanted.',
      example: { task_description: 'Review the change', required_capabilities: ['code_generation'] },
    }),
);
export type RouteTaskRequest = Infer<typeof RouteTaskRequest>;

const ScoreParts = schema(() =>
  z.object({
    tier: z.number(),
    fit: z.number(),
    load: z.number(),
    duration: z.number(),
    preference: z.number(),
  }),
);
const Routing = schema(() =>
  z.object({
    /** The sum of the parts. */
    score: z.number(),
    parts: ScoreParts(),
    alternatives: z.array(z.object({ agent_id: Uuid(), name: AgentName(), score: z.number() })).max(3),
    rejected: z.array(z.object({ reason: z.string(), count: z.int(), agents: z.array(z.string()).max(3) })),
  }),
);

export const RoutedAgent = schema(() =>
  AgentView()
    .extend({ routing: Routing() })
    .meta({
      id: 'RoutedAgent',
      description: 'The agent that would get the task now, and why. Nothing is reserved.',
      example: {
        ...EXAMPLE_AGENT,
        routing: {
          score: 0.74,
          parts: { tier: 0.24, fit: 0.3, load: 0.15, duration: 0.05, preference: 0 },
          alternatives: [],
          rejected: [{ reason: 'It is draining.', count: 1, agents: ['AGENT-OLD'] }],
        },
      },
    }),
);
export type RoutedAgent = Infer<typeof RoutedAgent>;

const CountsBy = schema(() => z.record(z.string(), z.int()));

export const FleetStatistics = schema(() =>
  z
    .object({
      agents: z.object({
        total: z.int(),
        available: z.int(),
        by_state: CountsBy(),
        by_tier: CountsBy(),
        by_load: CountsBy(),
      }),
      /** Of the agents that take new work: their slots, and those of them that are free. */
      capacity: z.object({ slots: z.int(), free: z.int() }),
      queue: z.object({
        waiting: z.int(),
        oldest_wait_seconds: z.int().nullable(),
        /** The most frequent requirements first, at most 50. */
        by_requirement: z
          .array(
            z.object({
              required_capabilities: z.array(Capability()),
              required_labels: z.array(z.string()),
              min_performance_tier: PerformanceTier().nullable(),
              repository: z.string().nullable(),
              waiting: z.int(),
              oldest_wait_seconds: z.int(),
            }),
          )
          .max(50),
      }),
    })
    .meta({
      id: 'FleetStatistics',
      description: 'How many agents there are, what is free, and what waits: enough to start and stop agents by.',
      example: {
        agents: { total: 1, available: 1, by_state: { connected: 1 }, by_tier: { competent: 1 }, by_load: { idle: 1 } },
        capacity: { slots: 4, free: 4 },
        queue: { waiting: 0, oldest_wait_seconds: null, by_requirement: [] },
      },
    }),
);
export type FleetStatistics = Infer<typeof FleetStatistics>;

export const AgentList = schema(() =>
  z.object({ items: z.array(AgentView()), next_cursor: NextCursor() }).meta({
    id: 'AgentList',
    description: 'A page of the workspace’s agents, by name.',
    example: { items: [], next_cursor: null },
  }),
);
export type AgentList = Infer<typeof AgentList>;

export const RegisteredAgent = schema(() =>
  AgentView()
    .extend({ token: z.string() })
    .meta({
      id: 'RegisteredAgent',
      description: 'A new agent with its own token, which is never shown again.',
      example: { ...EXAMPLE_AGENT, token: 'eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0…' },
    }),
);
export type RegisteredAgent = Infer<typeof RegisteredAgent>;

const Counts = schema(() => z.object({ completed: z.int(), partial: z.int(), failed: z.int() }));
/** An estimated share, with the bounds of its 95 % interval. */
const Success = schema(() => z.object({ estimate: z.number(), low: z.number(), high: z.number() }));
const Durations = schema(() => z.object({ p50_ms: z.int().nullable(), p95_ms: z.int().nullable() }));
const Results = schema(() =>
  z.object({
    performance_tier: PerformanceTier(),
    /** Why it is not a better one. */
    reason: z.string(),
    counts: Counts(),
    success: Success(),
    /** The mean rating of the work, from 0 to 1; null without one. */
    quality: z.number().nullable(),
    duration: Durations(),
    cost_usd: z.number(),
  }),
);

export const AgentPerformance = schema(() =>
  Results()
    .extend({
      agent_id: Uuid(),
      circuit: z.enum(['closed', 'open', 'half_open']),
      by_capability: z.array(Results().extend({ capability: Capability() })),
      /** The days in UTC, the newest first. */
      by_day: z.array(Results().extend({ day: z.iso.date() })),
    })
    .meta({
      id: 'AgentPerformance',
      description:
        'How an agent’s last 200 assignments have ended, recent ones counting more in the estimates. `circuit` is open while the agent gets no work because it has failed several times in a row by its own fault.',
      example: EXAMPLE_PERFORMANCE,
    }),
);
export type AgentPerformance = Infer<typeof AgentPerformance>;
