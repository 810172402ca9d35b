import type { Message, Part } from '@opencode-ai/sdk/v2/client';
import { expect, test } from 'vitest';
import { answerIn } from '../../../runner/work/evidence.ts';

function message(role: 'user' | 'assistant', texts: string[], finish?: string) {
  const parts = texts.map((text) => ({ type: 'text', text }) as Part);
  return { info: { role, finish } as Message, parts };
}

test('the answer is the text of the last message, without the empty part of a call that broke off', () => {
  const conversation = [
    message('user', ['Do it']),
    message('assistant', ['On it'], 'tool-calls'),
    message('assistant', ['', 'recovered', 'and done'], 'stop'),
  ];
  expect(answerIn(conversation)).toEqual({ text: 'recovered\nand done', finish: 'stop' });
  expect(answerIn([message('user', ['Do it'])])).toEqual({ text: '', finish: null });
});
