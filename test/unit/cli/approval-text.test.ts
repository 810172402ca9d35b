import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { answerText, approvalLines } from '../../../cli/approval-text.ts';
import { ApprovalView } from '../../../src/protocol/session/approval.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const permission = ApprovalView().meta()!.example as ApprovalView;
const question: ApprovalView = {
  ...permission,
  kind: 'question',
  title: 'Which color?',
  questions: [
    {
      question: 'Which color?',
      header: 'Color',
      options: [
        { label: 'red', description: 'a warm one' },
        { label: 'blue', description: 'a cold one' },
      ],
      multiple: false,
    },
  ],
};

describe('an open approval', () => {
  const lines = (approval: ApprovalView) => approvalLines(SESSION, approval).map(stripVTControlCharacters);

  it('of a permission shows the command that allows it, and what --always allows', () => {
    expect(lines(permission)).toEqual([
      'bash: npm test',
      `  npm run oio -- approve ${SESSION} --approval 3f0e1f5e   (or reject)`,
      '  With --always, the session will also allow, without asking: npm *',
    ]);
  });

  it('of a permission says when it can be allowed only once', () => {
    expect(lines({ ...permission, patterns: ['rm *'], always: [] }).at(-1)).toContain('only once');
    expect(lines({ ...permission, patterns: [], always: [] }).join()).not.toContain('only once');
  });

  it('of a permission shows what would run, also if characters in it reverse the text', () => {
    const [title] = lines({ ...permission, title: 'bash: echo "safe \u202edliub/ fr- mr ;\u202c"' });
    expect(title).toBe('bash: echo "safe ‹U+202E›dliub/ fr- mr ;‹U+202C›"');
  });

  it('names characters that cannot be seen, and warns of them before the command that allows it', () => {
    const forged = { ...permission, title: 'bash: echo "safe \u202edliub/ fr- mr ;\u202c"\u001b[8m' };
    expect(lines(forged).slice(0, 2)).toEqual([
      'bash: echo "safe ‹U+202E›dliub/ fr- mr ;‹U+202C›"‹U+001B›[8m',
      '  The request has characters that cannot be seen: U+202E, U+202C, U+001B.',
    ]);
    const asked = { ...question, questions: [{ ...question.questions[0]!, question: 'Which\u202e color?' }] };
    expect(lines(asked)).toContain('  The request has characters that cannot be seen: U+202E.');
    expect(lines(asked)[0]).toBe('Which‹U+202E› color?');
  });

  it('of a question shows the choices and the command that answers', () => {
    expect(lines(question)).toEqual([
      'Which color?',
      '  red  a warm one',
      '  blue  a cold one',
      `  npm run oio -- answer ${SESSION} "red" --approval ${question.id.slice(0, 8)}`,
    ]);
  });
});

it.each([
  [{ kind: 'permission', decision: 'once' }, 'allowed once'],
  [{ kind: 'permission', decision: 'always' }, 'allowed from now on'],
  [{ kind: 'permission', decision: 'reject' }, 'refused'],
  [{ kind: 'task_gate', decision: 'once' }, 'approved'],
  [{ kind: 'question', decision: 'once', answers: [['red', 'blue'], ['yes']] }, 'answered: red, blue; yes'],
] as const)('the answer %j reads %j', (answer, text) => {
  expect(answerText(answer as unknown as Parameters<typeof answerText>[0])).toBe(text);
});
