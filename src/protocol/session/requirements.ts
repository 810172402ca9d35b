import * as z from 'zod';
import { Capability } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';

/** `name=value`, matched as a whole. */
const Label = z.string().regex(/^[a-z0-9_.-]{1,63}=\S{1,200}$/, 'labels are written name=value');

/** What a session asks of every agent that works on it. The agent must have each capability and each label. */
export const SessionRequirements = z.object({
  required_capabilities: z.array(Capability).max(31).default([]),
  required_labels: z.array(Label).max(20).default([]),
});
export type SessionRequirements = z.infer<typeof SessionRequirements>;

/** What one task asks of its agent: the session's requirements, and what the session knows of this task. */
export const Requirements = SessionRequirements.extend({
  /** Hash of the repository's first commit, once the session is bound to a repository; null accepts any. */
  repository: z.string().nullable(),
  /** Key of the repository's address (see `repositoryKey`): one of the agent's remotes. Null accepts any. */
  repository_key: z.string().nullable(),
  /** Agents that could not do this task. They are asked only when no other agent fits. */
  avoid_agents: z.array(Uuid),
});
export type Requirements = z.infer<typeof Requirements>;
