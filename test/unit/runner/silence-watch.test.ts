import type { Event } from '@opencode-ai/sdk/v2/client';
import { beforeEach, expect, test } from 'vitest';
import { SilenceWatch } from '../../../runner/work/silence-watch.ts';

let now = 0;
let watch: SilenceWatch;
beforeEach(() => {
  now = 0;
  watch = new SilenceWatch(1_000, () => now);
});

const tool = (name: string, status: string): Event =>
  ({
    type: 'message.part.updated',
    properties: { part: { type: 'tool', id: name, tool: name, state: { status } } },
  }) as Event;

function isTooLongAfter(ms: number): boolean {
  now += ms;
  return watch.isTooLong();
}

test('a model is silent if nothing is heard for too long', () => {
  expect(isTooLongAfter(1_000)).toBe(false);
  watch.heard({ type: 'message.part.delta' } as Event);
  expect(isTooLongAfter(1_000)).toBe(false);
  expect(isTooLongAfter(1)).toBe(true);
});

test('a running tool may be silent; a sub-agent may not', () => {
  watch.heard(tool('bash', 'running'));
  expect(isTooLongAfter(1_000_000)).toBe(false);
  watch.heard(tool('bash', 'completed'));
  watch.heard(tool('task', 'running'));
  expect(isTooLongAfter(1_001)).toBe(true);
});

test('a model that writes the input of a tool call has more time', () => {
  watch.heard(tool('write', 'pending'));
  expect(isTooLongAfter(3_000)).toBe(false);
  expect(isTooLongAfter(1)).toBe(true);
});

test('a wait before a retry is no silence', () => {
  const status = { type: 'retry', attempt: 1, message: 'busy', next: Date.now() + 60_000 };
  watch.heard({ type: 'session.status', properties: { sessionID: 'ses_1', status } } as Event);
  expect(isTooLongAfter(10_000)).toBe(false);
  expect(isTooLongAfter(60_000)).toBe(true);
});
