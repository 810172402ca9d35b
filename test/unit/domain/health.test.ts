import { describe, expect, it } from 'vitest';
import { type HealthInput, healthScore } from '../../../src/domain/session/health.ts';
import { SessionStatus } from '../../../src/protocol/common/enums.ts';

const NOW = 1_000_000;

function session(changes: Partial<HealthInput>): HealthInput {
  return {
    status: 'running',
    share_done: 0,
    active_ms: 0,
    active_since: null,
    max_duration_seconds: 100,
    ...changes,
  };
}

describe('healthScore', () => {
  it.each([
    ['completed', 1],
    ['failed', 0],
    ['timeout', 0],
    ['cancelled', 0],
    ['stopped', 0],
    ['degraded', 0.5],
    ['orphaned', 0.5],
    ['pending', 0.8],
    ['queued', 0.8],
    ['paused', 0.8],
  ] as const)('%s scores %d', (status, score) => {
    expect(healthScore(session({ status, share_done: 0.3, active_ms: 95_000 }), NOW)).toBe(score);
  });

  it('a partially completed session scores the share of finished work', () => {
    expect(healthScore(session({ status: 'partially_completed', share_done: 0.75 }), NOW)).toBe(0.75);
  });

  it.each([
    [0, 0.9],
    [70_000, 0.9],
    [70_001, 0.7],
    [90_000, 0.7],
    [90_001, 0.3],
    [200_000, 0.3],
  ])('a session that ran for %d of 100,000 ms scores %d', (ms, score) => {
    expect(healthScore(session({ active_ms: ms }), NOW), 'time before the last break').toBe(score);
    expect(healthScore(session({ active_since: NOW - ms }), NOW), 'time since').toBe(score);
  });

  it('active time is the sum before and after the last pause, and a clock that goes back adds none', () => {
    expect(healthScore(session({ active_ms: 50_000, active_since: NOW - 30_000 }), NOW)).toBe(0.7);
    expect(healthScore(session({ active_ms: 50_000, active_since: NOW + 30_000 }), NOW)).toBe(0.9);
  });

  it('every status has a score between 0 and 1', () => {
    for (const status of SessionStatus().options) {
      const score = healthScore(session({ status, share_done: 0.5 }), NOW);
      expect(score >= 0 && score <= 1, status).toBe(true);
    }
  });
});
