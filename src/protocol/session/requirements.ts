import * as z from 'zod';
import { Capability, SessionType } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
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

/** The session's requirements for its agents. An agent must have all of these capabilities and labels. */
export const SessionRequirements = schema(() =>
  z.object({
    required_capabilities: z.array(Capability()).max(31).default([]),
    required_labels: z.array(LabelRequirement()).max(20).default([]),
  }),
);
export type SessionRequirements = Infer<typeof SessionRequirements>;

/** The requirements of one task: those of its session, and those that follow from its earlier attempts. */
export const Requirements = schema(() =>
  SessionRequirements().extend({
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
     * have what it lacked. Absent when none has refused.
     */
    refusing_instances: z.array(Uuid()).optional(),
    /** Agents of fitting types are preferred. */
    session_type: SessionType().optional(),
    /** The agent that worked on the task before is preferred, because it has the worktree. */
    worktree_at: z.string().optional(),
  }),
);
export type Requirements = Infer<typeof Requirements>;
