import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NotCompletedError, UnreachableError } from '../../../runner/access.ts';
import type { Outcome } from '../../../runner/lease/lease.ts';
import { Lifetime } from '../../../runner/lifetime.ts';

const IDLE_MS = 60_000;

let stops: (Error | null)[];
beforeEach(() => {
  stops = [];
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

function lifetime(options: { once?: boolean; idleExitMs?: number }): Lifetime {
  return new Lifetime({ url: 'http://control.test', log: () => undefined, ...options }, (error) => stops.push(error));
}

const ended = (status: Outcome['status']) => ({ outcome: { status, why: null } });

test('without work, an agent stops when its idle time is over, which begins again after each task', () => {
  const life = lifetime({ idleExitMs: IDLE_MS });
  life.connected(true);
  life.busy();
  vi.advanceTimersByTime(2 * IDLE_MS);
  life.finished(ended('failed'), true);
  vi.advanceTimersByTime(IDLE_MS - 1);
  expect(stops).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(stops).toEqual([null]);
});

test('a connection that comes back does not end the time of an agent that works', () => {
  const life = lifetime({ idleExitMs: IDLE_MS });
  life.busy();
  life.connected(false);
  vi.advanceTimersByTime(2 * IDLE_MS);
  expect(stops).toEqual([]);
});

test('an agent that has reached no control plane in its idle time stops with an error that names the address', () => {
  lifetime({ idleExitMs: IDLE_MS });
  vi.advanceTimersByTime(IDLE_MS);
  expect(stops).toEqual([expect.any(UnreachableError)]);
  expect(stops[0]?.message).toContain('http://control.test');
});

test('an agent for one task stops after it, with an error unless it is completed', () => {
  const life = lifetime({ once: true });
  life.finished(ended('completed'), true);
  life.finished(ended('partial'), true);
  life.finished({ outcome: null }, true);
  expect(stops).toEqual([null, expect.any(NotCompletedError), expect.any(NotCompletedError)]);
});

test('a task that the agent has refused was not its one task', () => {
  const life = lifetime({ once: true, idleExitMs: IDLE_MS });
  life.connected(true);
  life.busy();
  life.finished(ended('refused'), true);
  expect(stops).toEqual([]);
  vi.advanceTimersByTime(IDLE_MS);
  expect(stops).toEqual([null]);
});
