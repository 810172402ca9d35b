import type { Event, Part } from '@opencode-ai/sdk/v2/client';
import { expect, test } from 'vitest';
import { CeilingWatch, readCeilings } from '../../../runner/work/ceiling-watch.ts';
import { readSetting } from '../../../src/configuration/read.ts';
import { boundsOf, type CallCounts, type GivenCeilings, NO_CALLS } from '../../../src/domain/session/ceilings.ts';

const watch = (ceilings: GivenCeilings) => new CeilingWatch(boundsOf(ceilings, {}), { turns: 1, cost_usd: 0.5 });
const calls = (changes: Partial<CallCounts>): CallCounts => ({ ...NO_CALLS, ...changes });
const stepEnd = (reason: string): Event =>
  ({ type: 'message.part.updated', properties: { part: { type: 'step-finish', reason } as Part } }) as Event;
const begun = { type: 'message.updated' } as Event;
const status = (type: 'busy' | 'retry'): Event =>
  ({ type: 'session.status', properties: { sessionID: 'ses_1', status: { type } } }) as Event;

test('an agent reads its ceilings from its settings', () => {
  const env = { OIO_MAX_TURNS: '7', OIO_MAX_COST_USD: '2.5' };
  expect(readCeilings((name) => readSetting(name, env))).toMatchObject({ max_turns: 7, max_cost_usd: 2.5 });
  expect(readCeilings()).toMatchObject({ max_turns: 1_000, max_cost_usd: undefined, max_silence_seconds: 600 });
});

test('a run ends before the next call, and not at an answer that ends the turn by itself', () => {
  const reached = calls({ turns: 1 });
  const endsAt = (event: Event, isNewCall: boolean, counts = reached) =>
    watch({ max_turns: 2 }).endsRun(event, isNewCall, counts);
  expect(endsAt(stepEnd('stop'), false)).toBe(false);
  expect(endsAt(status('busy'), false)).toBe(false);
  expect(endsAt(stepEnd('tool-calls'), false)).toBe(true);
  expect(endsAt(status('retry'), false)).toBe(true);
  expect(endsAt(begun, true)).toBe(true);
  expect(endsAt(begun, true, NO_CALLS)).toBe(false);
});

test('calls and cost count from the beginning of the run, and calls that were cut off count too', () => {
  expect(watch({ max_turns: 3 }).isReached(calls({ turns: 1 }))).toBe(false);
  expect(watch({ max_turns: 3 }).isReached(calls({ turns: 1, cutOff: 1 }))).toBe(true);
  expect(watch({ max_cost_usd: 1 }).isReached(calls({ cost_usd: 0.4 }))).toBe(false);
  expect(watch({ max_cost_usd: 1 }).isReached(calls({ cost_usd: 0.5 }))).toBe(true);
});

test('a silent model is asked again once between two answers', () => {
  const ceilings = watch({ max_silence_seconds: 60 });
  expect(ceilings.silent(calls({ turns: 4 })).type).toBe('again');
  expect(ceilings.silent(calls({ turns: 5, cutOff: 1 })).type).toBe('again');
  expect(ceilings.silent(calls({ turns: 5, cutOff: 2 }))).toMatchObject({ failure: { code: 'model_silent' } });
});
