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

test('a step may end while something is heard or the input of a tool call is written, and for a moment after the request', () => {
  now = 10_000;
  expect([watch.mayStepEnd(now), watch.mayStepEnd(now - 2_001)]).toEqual([true, false]);
  watch.heard(tool('bash', 'running'));
  now += 2_000;
  expect(watch.mayStepEnd(0)).toBe(true);
  now += 1;
  expect(watch.mayStepEnd(0)).toBe(false);
  watch.heard(tool('write', 'pending'));
  now += 2_001;
  expect(watch.mayStepEnd(0)).toBe(true);
});

test('a step cannot end while a retry waits', () => {
  const status = (type: string) =>
    ({ type: 'session.status', properties: { sessionID: 'ses_1', status: { type, next: 0 } } }) as Event;
  watch.heard(status('retry'));
  expect(watch.mayStepEnd(now)).toBe(false);
  watch.heard(status('busy'));
  expect(watch.mayStepEnd(now)).toBe(true);
});

test('a step cannot end while the conversation is summarized', () => {
  const summary = (time: { completed?: number }) =>
    ({
      type: 'message.updated',
      properties: { info: { id: 'msg_1', role: 'assistant', summary: true, time } },
    }) as Event;
  watch.heard(summary({}));
  expect(watch.mayStepEnd(now)).toBe(false);
  watch.heard(summary({ completed: 1 }));
  expect(watch.mayStepEnd(now)).toBe(true);
});
