import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChatMessage, CONTINUE_PREFIX, nextReply } from '../../../cli/demo/conversation.ts';
import { type ScriptedModel, startScriptedModel } from '../../../cli/demo/scripted-model.ts';

const system: ChatMessage = { role: 'system', content: 'x\n  Working directory: /srv/tree\n' };
const user = (content: string): ChatMessage => ({ role: 'user', content });

function called(id: string, result: string): ChatMessage[] {
  const call = { id, function: { name: 'bash', arguments: '{}' } };
  return [
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', tool_call_id: id, content: result },
  ];
}

let model: ScriptedModel;
beforeAll(async () => {
  model = await startScriptedModel();
});
afterAll(() => model.close());

async function complete(messages: ChatMessage[]): Promise<{ message: ChatMessage; usage: Record<string, number> }> {
  const response = await fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'scripted', messages }),
  });
  const body = (await response.json()) as { choices: { message: ChatMessage }[]; usage: Record<string, number> };
  return { message: body.choices[0]?.message as ChatMessage, usage: body.usage };
}

test('a directive becomes a tool call with paths in the working directory', async () => {
  const { message } = await complete([system, user('Please:\nwrite notes/a.txt: one\\ntwo')]);
  const call = message.tool_calls?.[0]?.function;
  expect(call?.name).toBe('write');
  expect(JSON.parse(call?.arguments ?? '')).toEqual({ filePath: '/srv/tree/notes/a.txt', content: 'one\ntwo\n' });
});

test('directives are executed one per turn in order, and the answer lists their results', () => {
  const prompt = user('run echo one\nrun echo two');
  const second = nextReply([system, prompt, ...called('1', 'one')]);
  expect(second).toMatchObject({ act: { input: { command: 'echo two' } } });
  const last = nextReply([system, prompt, ...called('1', 'one'), ...called('2', 'two')]);
  expect(last).toMatchObject({ answer: expect.stringContaining('- ran `echo two` → two') });
});

test('an interrupted tool call is repeated when the prompt says to continue', () => {
  const cutOff = called('1', '[Tool execution was interrupted]');
  const reply = nextReply([system, user('run echo one'), ...cutOff, user(`${CONTINUE_PREFIX}.`)]);
  expect(reply).toMatchObject({ act: { input: { command: 'echo one' } } });
});

test('a message that is steered into a running turn adds to the remaining directives', () => {
  const messages = [system, user('run echo one\nrun echo two'), ...called('1', 'one'), user('run echo three')];
  expect(nextReply(messages)).toMatchObject({ act: { input: { command: 'echo two' } } });
  expect(nextReply([...messages, ...called('2', 'two')])).toMatchObject({ act: { input: { command: 'echo three' } } });
});

test('a follow-up after an answer starts with its own directives only', () => {
  const answered: ChatMessage = { role: 'assistant', content: 'Scripted demo model: I did 1 step.' };
  const reply = nextReply([system, user('run echo one'), ...called('1', 'one'), answered, user('read a.txt')]);
  expect(reply).toMatchObject({ act: { tool: 'read', input: { filePath: '/srv/tree/a.txt' } } });
});

test('the answer to a prompt without directives says that the model is scripted, and lists its grammar', async () => {
  const { message } = await complete([system, user('Make it nice')]);
  expect(message.content).toContain('I am not a language model');
  expect(message.content).toContain('write <file>: <text>');
});

test('the scripted model counts tokens from its texts', async () => {
  const short = await complete([system, user('say hi')]);
  const long = await complete([system, user(`say ${'hi '.repeat(100)}`)]);
  expect(long.usage.prompt_tokens).toBeGreaterThan(short.usage.prompt_tokens as number);
  expect(long.usage.completion_tokens).toBeGreaterThan(short.usage.completion_tokens as number);
});

test('a scripted failure responds with the requested status', async () => {
  const body = JSON.stringify({ messages: [system, user('fail 429 7')] });
  const response = await fetch(`${model.url}/chat/completions`, { method: 'POST', body });
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
});
