import { Requirements, type SessionRequirements } from '../../protocol/session/requirements.ts';
import { repositoryKey } from '../repository-url.ts';
import type { Refusal } from './refusals.ts';

/** The facts in a session that determine a task's requirements. */
interface TaskNeeds {
  spec: SessionRequirements & { repository: { url?: string | undefined } };
  /** Hash of the first commit of the repository that the session is bound to; null before the first lease. */
  repository: string | null;
  /** The processes of agents that have refused the task in this run. */
  refusals: readonly Pick<Refusal, 'agent_id' | 'instance_id'>[];
  /** The agents that have made the works between which the task decides. */
  authors?: readonly string[];
  /** The agent that has the task's worktree and may go on with it; null without one. */
  worktree_at: string | null;
  /** The agent that was asked to let the task go to another one; null if none was. */
  moved_from: string | null;
}

/** The key of the address that a session names; null if it names none. */
export function repositoryKeyOf({ repository: { url } }: Pick<TaskNeeds['spec'], 'repository'>): string | null {
  return url === undefined ? null : repositoryKey(url);
}

/** Builds the requirements of a request to the registry. */
export function requirementsOf({
  spec,
  repository,
  refusals,
  authors = [],
  worktree_at,
  moved_from,
}: TaskNeeds): Requirements {
  const avoided = [
    ...refusals.map(({ agent_id }) => agent_id),
    ...authors,
    ...(moved_from === null ? [] : [moved_from]),
  ];
  // The schema drops the spec's other members, so a new requirement needs no change here.
  return Requirements().parse({
    ...withoutEmpty(spec),
    repository,
    repository_key: repositoryKeyOf(spec),
    ...(worktree_at !== null && { worktree_at }),
    avoid_agents: [...new Set(avoided)],
    ...(refusals.length > 0 && { refusing_instances: refusals.map(({ instance_id }) => instance_id) }),
  });
}

/** What is empty or false asks for nothing. A request without it is short, and equal to one of an earlier release. */
function withoutEmpty(spec: object): object {
  const isEmpty = (value: unknown) => !value || (typeof value === 'object' && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => !isEmpty(value)));
}
