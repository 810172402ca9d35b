import { Requirements, type SessionRequirements } from '../../protocol/session/requirements.ts';
import { repositoryKey } from '../repository-url.ts';

/** The facts in a session that determine a task's requirements. */
interface TaskNeeds {
  spec: SessionRequirements & { repository: { url?: string | undefined } };
  /** Hash of the first commit of the repository that the session is bound to; null before the first lease. */
  repository: string | null;
  /** Agents that could not do the task. */
  avoid_agents: string[];
}

/** The requirements of a request to the registry. */
export function requirementsOf({ spec, repository, avoid_agents }: TaskNeeds): Requirements {
  const { url } = spec.repository;
  const repository_key = url === undefined ? null : repositoryKey(url);
  // The schema drops the spec's other members, so a new requirement needs no change here.
  return Requirements().parse({ ...spec, repository, repository_key, avoid_agents });
}
