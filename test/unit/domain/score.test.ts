import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Scored, scoreOf, scoreParts, type Wishes } from '../../../src/domain/dispatch/score.ts';
import { AgentType, PerformanceTier } from '../../../src/protocol/common/enums.ts';

const AGENT: Scored = {
  id: 'a',
  agent_type: 'implementer',
  capacity: 4,
  slots_used: 0,
  capabilities: ['code_generation', 'testing'],
  preferred_technologies: ['typescript'],
  labels: ['gpu=true', 'region=eu'],
  tier: 'competent',
  duration_ms: null,
};
const NO_WISHES: Wishes = {
  capabilities: [],
  technologies: [],
  session_type: null,
  agent_type: null,
  agent_ids: [],
  labels: {},
  worktree_at: null,
};
const PEERS_MS = 60_000;

const score = (agent: Partial<Scored> = {}, wishes: Partial<Wishes> = {}) =>
  scoreOf(scoreParts({ ...AGENT, ...agent }, { ...NO_WISHES, ...wishes }, PEERS_MS));

describe('a score', () => {
  // Each sum by hand: tier + fit + load + duration + preferences.
  it.each<[string, Partial<Scored>, Partial<Wishes>, number]>([
    ['a new idle agent without wishes', {}, {}, 0.24 + 0.3 + 0.2 + 0.05],
    ['a full agent', { slots_used: 4 }, {}, 0.24 + 0.3 + 0 + 0.05],
    ['an agent that holds more than its capacity', { slots_used: 6 }, {}, 0.24 + 0.3 - 0.1 + 0.05],
    ['an elite agent with half its slots in use', { tier: 'elite', slots_used: 2 }, {}, 0.4 + 0.3 + 0.1 + 0.05],
    [
      'a degraded agent that is twice as fast',
      { tier: 'degraded', duration_ms: 30_000 },
      {},
      0.08 + 0.5 + 0.1 * (2 / 3),
    ],
    ['an agent that is three times as slow', { duration_ms: 180_000 }, {}, 0.24 + 0.5 + 0.025],
    [
      'two of four wishes',
      {},
      { capabilities: ['testing', 'debugging'], technologies: ['TypeScript', 'rust'] },
      0.24 + 0.15 + 0.25,
    ],
    ['an implementer for an execution', {}, { session_type: 'execution' }, 0.24 + 0.3 + 0.25],
    ['an implementer for a review', {}, { session_type: 'review' }, 0.24 + 0 + 0.25],
    ['the preferred type', {}, { agent_type: 'implementer' }, 0.79 + 0.1],
    ['another type', {}, { agent_type: 'reviewer' }, 0.79],
    [
      'a preferred id with a preferred label',
      {},
      { agent_ids: ['a'], labels: { 'gpu=true': 0.5, 'os=mac': 1 } },
      0.79 + 0.2 + 0.05,
    ],
    ['the agent with the worktree', {}, { worktree_at: 'a' }, 0.79 + 0.2],
    [
      'a preferred label that is an expression',
      { labels: ['memory_gb=64'] },
      { labels: { 'memory_gb>=32': 1, 'memory_gb<32': 1, 'gpu!=true': 0.25 } },
      0.79 + 0.1 + 0.025,
    ],
    ['a label that is preferred with no weight', {}, { labels: { 'gpu=true': 0 } }, 0.79],
    ['one of three technologies', {}, { technologies: ['typescript', 'rust', 'go'] }, 0.24 + 0.1 + 0.25],
  ])('of %s is the sum of its parts', (_, agent, wishes, sum) => {
    expect(score(agent, wishes)).toBeCloseTo(sum, 10);
  });

  it('is never raised by more load, nor lowered by a better tier', () => {
    const agents = fc.record({
      slots_used: fc.nat({ max: 20 }),
      capacity: fc.integer({ min: 1, max: 20 }),
      agent_type: fc.constantFrom(...AgentType().options),
      tier: fc.constantFrom(...PerformanceTier().options),
      duration_ms: fc.option(fc.nat({ max: 1_000_000 })),
    });
    fc.assert(
      fc.property(agents, (agent) => {
        expect(score({ ...agent, slots_used: agent.slots_used + 1 })).toBeLessThan(score(agent));
        const tiers = PerformanceTier().options;
        const better = tiers[Math.max(0, tiers.indexOf(agent.tier) - 1)]!;
        expect(score({ ...agent, tier: better })).toBeGreaterThanOrEqual(score(agent));
      }),
    );
  });

  it('still tells two good agents apart when both have every preference', () => {
    const wishes = { agent_type: 'implementer', agent_ids: ['a'], labels: { 'gpu=true': 1, 'region=eu': 1 } } as const;
    expect(score({ tier: 'elite', slots_used: 1 }, wishes)).toBeLessThan(score({ tier: 'elite' }, wishes));
  });

  it('prefers an elite agent to a trainee that has the worktree', () => {
    const wishes = { worktree_at: 'a' };
    expect(score({ tier: 'elite', id: 'b' }, wishes)).toBeGreaterThan(score({ tier: 'trainee' }, wishes));
  });

  it('is never lowered when an agent has one more of what is wished, nor raised by a wish that it does not meet', () => {
    const labels = fc.dictionary(
      fc.constantFrom('gpu=true', 'region=eu', 'region!=eu', 'cores>=8', 'cores<8', 'os=mac'),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(labels, fc.subarray(['typescript', 'rust', 'go']), (preferred, technologies) => {
        const wishes = { labels: preferred, technologies };
        const own = { labels: ['region=eu', 'cores=4'], preferred_technologies: ['rust'] };
        expect(score({ ...own, labels: [...own.labels, 'gpu=true'] }, wishes)).toBeGreaterThanOrEqual(
          score(own, wishes),
        );
        const more = { ...own, preferred_technologies: ['rust', 'go'] };
        expect(score(more, wishes)).toBeGreaterThanOrEqual(score(own, wishes));
        const withUnmet = { ...wishes, labels: { ...preferred, 'os=mac': 1, 'cores>=8': 1 } };
        expect(score(own, withUnmet)).toBeLessThanOrEqual(score(own, wishes));
      }),
    );
  });
});
