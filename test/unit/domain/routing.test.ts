import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, chooseAgent, meets } from '../../../src/domain/dispatch/routing.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import { ANY } from '../../support/requirements.ts';

const ALIKE = {
  agent_type: 'implementer',
  preferred_technologies: [],
  tier: 'competent',
  duration_ms: null,
} as const;

function agent(id: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    id,
    capacity: 4,
    slots_used: 0,
    capabilities: [],
    labels: [],
    repository: null,
    remotes: [],
    idle_since: 0,
    ...ALIKE,
    ...changes,
  };
}

const anyAgent: fc.Arbitrary<Candidate> = fc.record({
  id: fc.uuid(),
  capacity: fc.integer({ min: 1, max: 5 }),
  slots_used: fc.integer({ min: 0, max: 6 }),
  capabilities: fc.subarray(['testing', 'debugging', 'scaling'] as const).map((list) => [...list]),
  labels: fc.subarray(['os=linux', 'gpu=true']),
  repository: fc.constantFrom(null, 'aaaa', 'bbbb'),
  remotes: fc.subarray(['example.com/a', 'example.com/b']),
  idle_since: fc.integer({ min: 0, max: 3 }),
  agent_type: fc.constant(ALIKE.agent_type),
  preferred_technologies: fc.constant(ALIKE.preferred_technologies),
  tier: fc.constant(ALIKE.tier),
  duration_ms: fc.constant(ALIKE.duration_ms),
});

const anyRequirement = fc.record({
  required_capabilities: fc.subarray(['testing', 'debugging', 'scaling'] as const),
  required_labels: fc.subarray(['os=linux', 'gpu=true']),
  repository: fc.constantFrom(null, 'aaaa', 'bbbb'),
  repository_key: fc.constantFrom(null, 'example.com/a'),
  avoid_agents: fc.constant<string[]>([]),
});

describe('chooseAgent', () => {
  it('chooses the least loaded agent by its share of capacity, not by its count of slots', () => {
    const small = agent('small', { capacity: 2, slots_used: 1 });
    const large = agent('large', { capacity: 10, slots_used: 2 });
    expect(chooseAgent(ANY, [small, large])?.id).toBe('large');
  });

  it('chooses an avoided agent only when no other agent fits', () => {
    const [idle, busy] = [agent('idle'), agent('busy', { slots_used: 3 })];
    const required = { ...ANY, avoid_agents: ['idle'] };
    expect(chooseAgent(required, [idle, busy])?.id).toBe('busy');
    expect(chooseAgent(required, [idle])?.id).toBe('idle');
  });

  it('chooses the better agent although it has more to do, the fitting type, and the one with the worktree', () => {
    const [idle, elite] = [agent('idle'), agent('elite', { tier: 'elite', slots_used: 2 })];
    expect(chooseAgent(ANY, [idle, elite])?.id).toBe('elite');
    expect(chooseAgent({ ...ANY, worktree_at: 'idle' }, [idle, elite])?.id).toBe('idle');
    const reviewer = agent('reviewer', { agent_type: 'reviewer', slots_used: 3 });
    expect(chooseAgent({ ...ANY, session_type: 'review' }, [idle, reviewer])?.id).toBe('reviewer');
    expect(chooseAgent({ ...ANY, session_type: 'execution' }, [idle, reviewer])?.id).toBe('idle');
  });

  it('chooses the agent that has more of what the request would like', () => {
    const [plain, liked] = [agent('a'), agent('b', { slots_used: 1, labels: ['memory_gb=64'] })];
    const choose = (wishes: Partial<Requirements>, other = liked) =>
      chooseAgent({ ...ANY, ...wishes }, [plain, other])?.id;
    expect(choose({})).toBe('a');
    expect(choose({ preferred_labels: { 'memory_gb>=32': 1 } })).toBe('b');
    expect(choose({ preferred_labels: { 'memory_gb>=32': 0.4 } })).toBe('a');
    expect(choose({ preferred_agent_ids: ['b'] })).toBe('b');
    expect(choose({ preferred_agent_type: 'reviewer' }, { ...liked, agent_type: 'reviewer' })).toBe('b');
    expect(choose({ technologies: ['rust'] }, { ...liked, preferred_technologies: ['Rust'] })).toBe('b');
  });

  it('chooses no agent below the lowest tier', () => {
    const agents = [agent('a'), agent('b', { tier: 'advanced', slots_used: 3 })];
    expect(chooseAgent({ ...ANY, min_performance_tier: 'advanced' }, agents)?.id).toBe('b');
    expect(chooseAgent({ ...ANY, min_performance_tier: 'elite' }, agents)).toBeNull();
    expect(meets(agents[0]!, { ...ANY, min_performance_tier: 'competent' })).toBe(true);
  });

  it('shares any requests among equal agents within one task of each other', async () => {
    const wishes = fc.record({
      preferred_labels: fc.dictionary(
        fc.constantFrom('gpu=true', 'cores>=8'),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
      technologies: fc.subarray(['rust', 'go']),
      preferred_agent_type: fc.constantFrom('reviewer', 'implementer'),
    });
    const equal = { capacity: 20, labels: ['gpu=true', 'cores=4'], preferred_technologies: ['go'] };
    await fc.assert(
      fc.property(fc.array(wishes, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (requests, count) => {
        const agents = Array.from({ length: count }, (_, index) => agent(`agent ${index}`, equal));
        for (const liked of requests) {
          const chosen = chooseAgent({ ...ANY, ...liked }, agents);
          if (chosen) chosen.slots_used++;
        }
        const used = agents.map(({ slots_used }) => slots_used);
        expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('prefers an agent that is faster than its peers', () => {
    const [fast, slow] = [
      agent('fast', { duration_ms: 10_000, idle_since: 9 }),
      agent('slow', { duration_ms: 90_000 }),
    ];
    expect(chooseAgent(ANY, [slow, fast], 50_000)?.id).toBe('fast');
  });

  it('breaks a tie by the longest idle time, then by id', () => {
    const late = agent('a', { idle_since: 2 });
    const early = agent('b', { idle_since: 1 });
    expect(chooseAgent(ANY, [late, early])?.id).toBe('b');
    expect(chooseAgent(ANY, [agent('d'), agent('c')])?.id).toBe('c');
  });

  it('never chooses an agent without room, even if its capacity has shrunk', () => {
    expect(chooseAgent(ANY, [agent('a', { slots_used: 4 }), agent('b', { capacity: 1, slots_used: 3 })])).toBeNull();
  });

  it('requires every capability and label, and the repository when the request names one', () => {
    const able = agent('able', { capabilities: ['testing', 'debugging'], labels: ['gpu=true'], repository: 'aaaa' });
    expect(meets(able, { ...ANY, required_capabilities: ['testing', 'debugging'] })).toBe(true);
    expect(meets(able, { ...ANY, required_capabilities: ['testing', 'scaling'] })).toBe(false);
    expect(meets(able, { ...ANY, required_labels: ['gpu=true'] })).toBe(true);
    expect(meets(able, { ...ANY, required_labels: ['gpu=false'] })).toBe(false);
    expect(meets(able, { ...ANY, repository: 'aaaa' })).toBe(true);
    expect(meets(able, { ...ANY, repository: 'bbbb' })).toBe(false);
    expect(meets(agent('anywhere'), { ...ANY, repository: 'aaaa' })).toBe(false);
  });

  it('takes a clone with an unknown first commit for a bound session only if that names one of its remotes', () => {
    const remotes = ['example.com/a'];
    const shallow = agent('shallow', { remotes });
    expect(meets(shallow, { ...ANY, repository_key: 'example.com/a' })).toBe(true);
    expect(meets(shallow, { ...ANY, repository: 'aaaa', repository_key: 'example.com/a' })).toBe(true);
    expect(meets(shallow, { ...ANY, repository: 'aaaa', repository_key: 'example.com/b' })).toBe(false);
    expect(meets(shallow, { ...ANY, repository: 'aaaa' })).toBe(false);
    const other = agent('other', { repository: 'bbbb', remotes });
    expect(meets(other, { ...ANY, repository: 'aaaa', repository_key: 'example.com/a' })).toBe(false);
  });

  it('chooses the least loaded agent that fits, for every order of the agents', async () => {
    await fc.assert(
      fc.property(fc.array(anyAgent, { maxLength: 8 }), anyRequirement, (agents, required) => {
        const chosen = chooseAgent(required, agents);
        expect(chooseAgent(required, agents.toReversed())?.id).toBe(chosen?.id);
        const fitting = agents.filter((one) => one.slots_used < one.capacity && meets(one, required));
        expect(chosen === null).toBe(fitting.length === 0);
        const load = (one: Candidate) => one.slots_used / one.capacity;
        for (const other of fitting) expect(load(chosen!)).toBeLessThanOrEqual(load(other));
      }),
    );
  });
});
