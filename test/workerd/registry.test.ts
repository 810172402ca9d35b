import { afterEach, beforeEach, describe, vi } from 'vitest';
import { agentRegistryContract } from '../unit/ports/agent-registry.contract.ts';
import { registryInWorkerd } from './support/registry-in-workerd.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.each([{ evictBetweenSteps: false }, { evictBetweenSteps: true }])(
  'the agent registry in workerd, evicted between steps: $evictBetweenSteps',
  (options) => agentRegistryContract(() => registryInWorkerd(options)),
);
