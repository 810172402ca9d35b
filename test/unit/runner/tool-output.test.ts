import type { ToolPart } from '@opencode-ai/sdk/v2/client';
import { beforeEach, expect, test } from 'vitest';
import { ToolOutput } from '../../../runner/opencode/mapping/tool-output.ts';

let output: ToolOutput;
let now: number;
beforeEach(() => {
  output = new ToolOutput();
  now = 0;
});

const bash = (state: Record<string, unknown>) =>
  ({ type: 'tool', id: 'prt_1', callID: 'call_1', messageID: 'msg_1', tool: 'bash', state }) as unknown as ToolPart;
const writes = (text: string) => output.update(bash({ status: 'running', input: {}, metadata: { output: text } }));
const flushed = () => {
  now += 1_000;
  return output.flush(now).map(({ data }) => data as { offset: number; text: string });
};

test('whole lines of a running command are reported once, with their offset', () => {
  writes('');
  expect(flushed()).toEqual([]);
  writes('one\ntw');
  expect(flushed()).toMatchObject([{ call_id: 'call_1', offset: 0, text: 'one\n' }]);
  expect(flushed()).toEqual([]);
  writes('one\ntwo\nthree\n');
  expect(flushed()).toMatchObject([{ offset: 4, text: 'two\nthree\n' }]);
});

test('a command that ends within a second, or between two reports, reports no output here', () => {
  writes('fast\n');
  expect(output.flush(0)).toEqual([]);
  output.update(bash({ status: 'completed' }));
  expect(flushed()).toEqual([]);
});

test('a command is reported at most once a second', () => {
  writes('one\n');
  expect([output.flush(0), output.flush(1_000), output.flush(1_500)].map((frames) => frames.length)).toEqual([0, 1, 0]);
});

test('a command that writes without end is reported up to a limit, and says so once', () => {
  writes('');
  expect(flushed()).toEqual([]);
  const line = `${'x'.repeat(99)}\n`;
  const texts: string[] = [];
  for (let lines = 100; lines <= 1_000; lines += 100) {
    writes(line.repeat(lines));
    texts.push(...flushed().map(({ text }) => text));
  }
  const whole = texts.join('');
  expect(whole.length).toBeLessThan(16_500);
  expect(whole.replaceAll(line, '')).toBe('… more output follows when the command has ended\n');
});

test('nothing wrong is reported when OpenCode drops the beginning of the output', () => {
  writes('one\n');
  output.flush(0);
  expect(flushed()).toHaveLength(1);
  writes('two\n');
  expect(flushed()).toEqual([]);
});
