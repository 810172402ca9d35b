import { expect, test } from 'vitest';
import { isPromptNamed, promptMessageId, promptName } from '../../../runner/work/message-ids.ts';
import { permissionRules } from '../../../runner/work/permissions.ts';

test('a prompt’s name is the same on every machine, and differs between messages', () => {
  expect(promptName('task', 1)).toBe(promptName('task', 1));
  expect(promptName('task', 1)).not.toBe(promptName('task', 2));
  expect(promptName('task', 1)).toMatch(/^[0-9A-Za-z]{14}$/);
});

test('a prompt’s message id is found by its name, and sorts after all earlier messages, even those of a faster clock', () => {
  const name = promptName('task', 1);
  const now = Date.UTC(2026, 10, 22);
  const fromTheFuture = promptMessageId(promptName('task', 0), now + 3_600_000, null);
  const id = promptMessageId(name, now, fromTheFuture);
  expect(id).toMatch(/^msg_[0-9a-f]{12}[0-9A-Za-z]{14}$/);
  expect(isPromptNamed(id, name)).toBe(true);
  expect(id > fromTheFuture).toBe(true);
});

test('permission rules without "ask" are passed on unchanged', () => {
  expect(permissionRules(undefined)).toEqual([]);
  expect(permissionRules({ webfetch: 'deny', bash: { '*': 'deny', 'npm *': 'allow' } })).toEqual([
    { permission: 'webfetch', pattern: '*', action: 'deny' },
    { permission: 'bash', pattern: '*', action: 'deny' },
    { permission: 'bash', pattern: 'npm *', action: 'allow' },
  ]);
});

test('if any permission is "ask", bash asks for every command that is not allowed by name', () => {
  expect(permissionRules({ edit: 'ask', bash: { '**': 'allow', '*': 'allow', 'npm test': 'allow' } })).toEqual([
    { permission: 'bash', pattern: '*', action: 'ask' },
    { permission: 'task', pattern: '*', action: 'deny' },
    { permission: 'edit', pattern: '*', action: 'ask' },
    { permission: 'bash', pattern: 'npm test', action: 'allow' },
  ]);
});

test('a denied bash stays denied when another permission is "ask"', () => {
  expect(permissionRules({ edit: 'ask', bash: 'deny' }).at(-1)).toEqual({
    permission: 'bash',
    pattern: '*',
    action: 'deny',
  });
});

test('if any permission is "ask", sub-agents are denied unless the session names them', () => {
  const ofTask = (permissions: Parameters<typeof permissionRules>[0]) =>
    permissionRules(permissions).findLast((rule) => rule.permission === 'task')?.action;
  expect(ofTask({ edit: 'ask' })).toBe('deny');
  expect(ofTask({ edit: 'ask', task: 'allow' })).toBe('allow');
  expect(ofTask({ edit: 'allow' })).toBeUndefined();
});

test('a planner edits no file, whatever the session allows', () => {
  expect(permissionRules({ edit: 'allow', webfetch: 'ask' }, 'plan').at(-1)).toEqual({
    permission: 'edit',
    pattern: '*',
    action: 'deny',
  });
});
