import { Requirements, type SessionRequirements } from '../../protocol/session/requirements.ts';
import { repositoryKey } from '../repository-url.ts';

/** What a session knows about the agent that a task needs. */
interface TaskNeeds {
  spec: SessionRequirements & { repository: { url?: string | undefined } };
  /** Hash of the first commit of the repository that the session is bound to; null before the first lease. */
  repository: string | null;
  /** Agents that could not do the task. */
  avoid_agents: string[];
}

/** The requirements to ask the registry for. */
export function requirementsOf({ spec, repository, avoid_agents }: TaskNeeds): Requirements {
  const { url } = spec.repository;
  const repository_key = url === undefined ? null : repositoryKey(url);
  // The schema drops the spec's other members, so a new requirement needs no change here.
  return Requirements.parse({ ...spec, repository, repository_key, avoid_agents });
}
