import type { Requirements } from '../../protocol/session/requirements.ts';
import { labelName } from './labels.ts';
import type { Abilities } from './routing.ts';
import type { Scored } from './score.ts';

/** What a request names of an agent: a capability, a label, a technology, a remote or a repository. */
export type TraitName = string;

/** What decides whether an agent meets requests, and how well it fits, apart from its load, speed and id. */
export type Traits = Abilities & Pick<Scored, 'agent_type' | 'tier' | 'preferred_technologies'>;

/** In place of a repository that no request names. */
const ANOTHER_REPOSITORY = '';

/** What the requirements name. Agents that are equal in these meet them, and fit, or not, all alike. */
export function namesIn(required: Requirements): TraitName[] {
  const { required_capabilities, required_labels, repository, repository_key } = required;
  const labels = [...required_labels, ...Object.keys(required.preferred_labels ?? {})];
  const names = [
    ...required_capabilities.map((capability) => `capability ${capability}`),
    ...labels.map((label) => `label ${labelName(label)}`),
    ...(required.technologies ?? []).map((technology) => `technology ${technology.toLowerCase()}`),
    ...(repository === null ? [] : [`repository ${repository}`]),
    ...(repository_key === null ? [] : [`remote ${repository_key}`]),
  ];
  return [...new Set(names)];
}

/** What an agent has of what is named, in an order that does not depend on the agent's. */
export function traitsOf(agent: Traits, isNamed: (name: TraitName) => boolean): Traits {
  const { repository, tier, agent_type } = agent;
  return {
    agent_type,
    tier,
    capabilities: agent.capabilities.filter((each) => isNamed(`capability ${each}`)).sort(),
    labels: agent.labels.filter((each) => isNamed(`label ${labelName(each)}`)).sort(),
    preferred_technologies: agent.preferred_technologies
      .map((each) => each.toLowerCase())
      .filter((each) => isNamed(`technology ${each}`))
      .sort(),
    remotes: agent.remotes.filter((each) => isNamed(`remote ${each}`)).sort(),
    repository: repository === null || isNamed(`repository ${repository}`) ? repository : ANOTHER_REPOSITORY,
  };
}

/** Whether an agent has something of this name. */
export function hasTrait(agent: Traits, name: TraitName): boolean {
  const { capabilities, labels, preferred_technologies, remotes, repository } = traitsOf(
    agent,
    (each) => each === name,
  );
  return capabilities.length + labels.length + preferred_technologies.length + remotes.length > 0 || !!repository;
}
