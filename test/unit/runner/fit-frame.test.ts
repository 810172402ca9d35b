import { describe, expect, it } from 'vitest';
import { fitFrame } from '../../../runner/lease/fit-frame.ts';
import { BATCH_BYTES } from '../../../src/protocol/common/limits.ts';
import { type AgentFrameBody, readFrame } from '../../../src/protocol/run/frames.ts';

const HUGE = '👍 huge '.repeat(400_000);

const result = (text: string, message: string): AgentFrameBody => ({
  type: 'result',
  data: { status: 'failed', text, messages_done: 1, error: { code: 'api_error', message, retryable: false } },
});

const tool = (input: Record<string, unknown>): AgentFrameBody => ({
  type: 'tool',
  data: { message_id: 'm', call_id: 'c', tool: 'bash', state: 'running', input },
});

const approval = (detail: Record<string, unknown>): AgentFrameBody => ({
  type: 'approval.asked',
  data: {
    ask_id: 'a',
    kind: 'permission',
    title: 'x'.repeat(900),
    permission: 'bash',
    patterns: [],
    always: [],
    questions: [],
    detail,
  },
});

describe('a frame that the session accepts', () => {
  it('stays as it is', () => {
    const frame = result('Done.', 'no');
    expect(fitFrame(frame)).toEqual([frame]);
  });
});

describe('a frame that is too large', () => {
  it.each([
    ['an error that repeats the request', result('', HUGE)],
    ['a text over the limit of its member', result(HUGE, 'no')],
    ['a tool with a large input', tool({ content: HUGE, nested: [{ text: HUGE }] })],
    [
      'a tool with many members',
      tool(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, HUGE.slice(0, 20)]))),
    ],
    ['a request with a long title and a large detail', approval({ text: HUGE })],
  ])('is shortened and announced: %s', (_what, frame) => {
    const [warning, shortened, ...more] = fitFrame(frame);
    expect(more).toEqual([]);
    expect(warning).toMatchObject({ type: 'agent.note', data: { level: 'warning' } });
    expect(shortened!.type).toBe(frame.type);
    expect(JSON.stringify(shortened!.data).length).toBeLessThanOrEqual(BATCH_BYTES);
    expect(readFrame({ n: 1, ...shortened! }).ok).toBe(true);
    expect(JSON.stringify(shortened).isWellFormed()).toBe(true);
    expect(JSON.stringify(shortened)).not.toMatch(/\\ud[89a-f]/);
  });

  it('is replaced by a warning if no shorter one is valid', () => {
    const frames = fitFrame({ type: 'file.edited', data: {} } as unknown as AgentFrameBody);
    expect(frames).toHaveLength(1);
    expect(frames[0]).toMatchObject({ type: 'agent.note', data: { text: expect.stringContaining('file.edited') } });
  });
});
