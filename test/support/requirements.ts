import type { Requirements } from '../../src/protocol/session/requirements.ts';

/** Requirements that every agent meets. */
export const ANY: Requirements = {
  required_capabilities: [],
  required_labels: [],
  repository: null,
  repository_key: null,
  avoid_agents: [],
};
