import * as z from 'zod';
import { AgentType, Capabilities, PerformanceTier, SessionType } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { MAX_PREFERRED_LABELS, MAX_TECHNOLOGIES, MAX_TECHNOLOGY_CHARS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';

/** `name=value`, matched as a whole. */
export const Label = schema(() => z.string().regex(/^[a-z0-9_.-]{1,63}=\S{1,200}$/, 'must be written as name=value'));

/** What an agent's label of this name must be: equal, not equal, or (for numbers) greater or less. */
export const LabelRequirement = schema(() =>
  z
    .string()
    .regex(/^[a-z0-9_.-]{1,63}(=|!=|>=|<=|>|<)\S{1,200}$/, 'must be written as name=value, or with !=, >, >=, < or <=')
    .meta({
      id: 'LabelRequirement',
      description:
        'A label that an agent must have: `name=value`. With `>`, `>=`, `<` and `<=`, numbers are compared. `!=` is also met without the label.',
      example: 'memory_gb>=64',
    }),
);

export const LabelRequirements = schema(() => z.array(LabelRequirement()).max(20));

/** A programming language, a framework or a tool. */
export const Technology = schema(() => z.string().trim().min(1).max(MAX_TECHNOLOGY_CHARS));

const PreferredLabels = schema(() =>
  z
    .record(LabelRequirement(), z.number().min(0).max(1))
    .refine(
      (labels) => Object.keys(labels).length <= MAX_PREFERRED_LABELS,
      `must have at most ${MAX_PREFERRED_LABELS} labels`,
    ),
);

/** How a request chooses among the agents that have what it requires. Members without their defaults. */
export const ChoiceMembers = schema(() =>
  z.object({
    min_performance_tier: PerformanceTier()
      .nullable()
      .meta({ description: 'Agents of lower tiers do not get the work.' }),
    preferred_labels: PreferredLabels().meta({
      description: 'Labels that an agent should have, written as required ones are, each with a weight from 0 to 1.',
      example: { 'gpu=true': 0.5, 'memory_gb>=32': 1 },
    }),
    preferred_agent_type: AgentType().nullable(),
    preferred_agent_ids: z.array(Uuid()).max(50),
    technologies: z
      .array(Technology())
      .max(MAX_TECHNOLOGIES)
      .meta({
        description: 'An agent that prefers more of these technologies fits better.',
        example: ['typescript'],
      }),
  }),
);

/** `ChoiceMembers` with defaults that choose nothing. */
export const AgentChoice = schema(() => {
  const members = ChoiceMembers().shape;
  return z.object({
    min_performance_tier: members.min_performance_tier.default(null),
    preferred_labels: members.preferred_labels.default({}),
    preferred_agent_type: members.preferred_agent_type.default(null),
    preferred_agent_ids: members.preferred_agent_ids.default([]),
    technologies: members.technologies.default([]),
  });
});
export type AgentChoice = Infer<typeof AgentChoice>;

/** Whether running work may be moved from an agent that has too much to do. */
export const AllowRebalance = schema(() =>
  z.boolean().meta({ description: 'Whether an agent with too much to do may be asked to let the running work go.' }),
);

/**
 * The session's requirements for its agents, and its choice among them. An agent must have all of the required
 * capabilities and labels, and at least the tier.
 */
export const SessionRequirements = schema(() =>
  z.object({
    required_capabilities: Capabilities().default([]),
    required_labels: LabelRequirements().default([]),
    ...AgentChoice().shape,
    allow_rebalance: AllowRebalance().default(false),
  }),
);
export type SessionRequirements = Infer<typeof SessionRequirements>;

/**
 * The requirements of one task: those of its session, and those that follow from its earlier attempts. What is optional
 * is absent when it says nothing, as in requests of earlier releases.
 */
export const Requirements = schema(() =>
  z.object({
    required_capabilities: SessionRequirements().shape.required_capabilities,
    required_labels: SessionRequirements().shape.required_labels,
    ...ChoiceMembers().partial().shape,
    allow_rebalance: AllowRebalance().optional(),
    /**
     * The hash of the repository's first commit, if the session is bound to a repository; null accepts any. A clone that
     * does not know its first commit meets it if `repository_key` is not null.
     */
    repository: z.string().nullable(),
    /** The key of a URL (see `repositoryKey`) that must be one of the agent's remotes; null accepts any. */
    repository_key: z.string().nullable(),
    /** Agents that have refused this task before. They get an offer only if no other agent matches. */
    avoid_agents: z.array(Uuid()),
    /**
     * Processes of agents (`instance_id`) that have refused this task and get no offer. An agent that starts again may
     * have what it lacked. An agent without sockets has no process; see `instanceWithoutSocket`. Absent when none has
     * refused.
     */
    refusing_instances: z.array(z.string()).optional(),
    /** Agents of fitting types are preferred. */
    session_type: SessionType().optional(),
    /** The agent that worked on the task before is preferred, because it has the worktree. */
    worktree_at: z.string().optional(),
  }),
);
export type Requirements = Infer<typeof Requirements>;
