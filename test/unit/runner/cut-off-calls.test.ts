import type { ToolPart } from '@opencode-ai/sdk/v2/client';
import { expect, test } from 'vitest';
import { cutOffNotice } from '../../../runner/work/cut-off-calls.ts';
import type { ConversationMessage } from '../../../runner/work/opencode-port.ts';

const message = (role: string, ...parts: unknown[]) => ({ info: { role }, parts }) as ConversationMessage;
const call = (state: Record<string, unknown>, tool = 'bash') =>
  ({ type: 'tool', tool, state: { input: { command: `echo ${state.name}` }, ...state } }) as unknown as ToolPart;

test('the calls of the last run that were cut off are named with their input, and no others', () => {
  const notice = cutOffNotice([
    message('user'),
    message('assistant', call({ name: 'earlier', status: 'running' })),
    { info: { role: 'assistant', finish: 'stop' }, parts: [] } as unknown as ConversationMessage,
    message('user'),
    message('assistant', call({ name: 'done', status: 'completed', metadata: { exit: 0 } })),
    message('assistant', call({ name: 'failed', status: 'completed', metadata: { exit: 1 } })),
    message('assistant', call({ name: 'wrong', status: 'error', error: 'no such tool' })),
    message('assistant', call({ name: 'read', status: 'completed', metadata: {} }, 'read')),
    message('assistant', call({ name: 'shown as finished', status: 'completed', metadata: { exit: null } })),
    message('assistant', call({ name: 'running', status: 'running' }, 'edit')),
    message('assistant', call({ name: 'aborted', status: 'error', error: 'Tool execution aborted' })),
  ]);
  expect(notice?.split('\n').slice(1)).toEqual([
    '- bash {"command":"echo shown as finished"}',
    '- edit {"command":"echo running"}',
    '- bash {"command":"echo aborted"}',
  ]);
});

test('a call is named although a message came while it ran, and only once', () => {
  const before = [
    message('assistant', call({ name: 'over', status: 'running' })),
    { info: { role: 'assistant', finish: 'stop' }, parts: [] } as unknown as ConversationMessage,
    message('user'),
    message('assistant', call({ name: 'cut', status: 'running' })),
    message('user', { type: 'text', text: 'And be quick' }),
  ];
  const notice = cutOffNotice(before);
  expect(notice?.split('\n').slice(1)).toEqual(['- bash {"command":"echo cut"}']);
  const after = [...before, message('user', { type: 'text', text: `Go on. ${notice}` }), message('assistant')];
  expect(cutOffNotice(after)).toBeNull();
});

test('a run without such calls has nothing to name, and a long input is cut', () => {
  expect(cutOffNotice([message('user'), message('assistant')])).toBeNull();
  const long = call({ name: 'x'.repeat(10_000), status: 'running' });
  expect(cutOffNotice([message('user'), message('assistant', long)])?.length).toBeLessThan(1_000);
});
