import type { PermissionRequest } from '@opencode-ai/sdk/v2/client';
import { expect, test } from 'vitest';
import { permissionAsk } from '../../../runner/work/approvals.ts';
import { coveredByRules } from '../../../src/domain/session/always-rules.ts';
import { AgentFrameBody } from '../../../src/protocol/run/frames.ts';

function request(patterns: string[], always: string[] = []): PermissionRequest {
  return { id: 'per_1', sessionID: 'ses_1', permission: 'bash', patterns, metadata: {}, always };
}

test('a permission request shows all its patterns', () => {
  const patterns = Array.from({ length: 100 }, (_, i) => `echo ${i}`);
  expect(permissionAsk(request(patterns, ['echo *']), '/work')).toMatchObject({ patterns, always: ['echo *'] });
});

test.each([
  ['too many', Array.from({ length: 101 }, (_, i) => `echo ${i}`)],
  ['too long', ['echo a', `rm ${'x'.repeat(70_000)}`]],
])(
  'a permission request whose patterns are %s shows none of them, and only a rule for everything allows it',
  (_, patterns) => {
    const asked = permissionAsk(request(patterns, ['echo *', 'rm *']), '/work');
    expect(AgentFrameBody().safeParse({ type: 'approval.asked', data: asked }).error).toBeUndefined();
    expect(asked).toMatchObject({ always: [], detail: { patterns_omitted: patterns.length } });
    expect(asked.title).toContain(`${patterns.length} patterns, too large to be shown`);
    const rules = ['', 'echo *', 'echo ?', ...patterns.slice(0, 100)].map((pattern) => ({
      permission: 'bash',
      pattern,
    }));
    expect(coveredByRules(rules, 'bash', asked.patterns)).toBe(false);
    // A session stores no pattern with a wildcard, so the next request like this needs an answer again.
    expect(asked.patterns.every((pattern) => /[*?]/.test(pattern))).toBe(true);
  },
);

test('a permission request names files by their paths in the work directory, and leaves their content as it is', () => {
  const hunk = '@@ -0,0 +1,1 @@\n+see /work/src/a.txt\n--- /work/src/a.txt\n';
  const heads = (path: string) => `Index: ${path}\n=====\n--- ${path}\n+++ ${path}\n${hunk}`;
  const metadata = { filepath: '/work/src/a.txt', diff: heads('/work/src/a.txt') + heads('/elsewhere/b.txt') };
  const { detail } = permissionAsk({ ...request(['src/a.txt']), metadata }, '/work');
  expect(detail).toEqual({ filepath: 'src/a.txt', diff: heads('src/a.txt') + heads('/elsewhere/b.txt') });
});
