import { expect, it, test } from 'vitest';
import { planOf } from '../../../src/domain/session/delivery.ts';
import { deliveryText } from '../../../src/domain/session/delivery-text.ts';
import { isBranchName } from '../../../src/protocol/common/branch.ts';

const ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const branchOf = (title: string) => planOf({ push: false }, { id: ID, title }).branch;

test.each([
  ['Add a --flag', 'oio/add-a-flag-0198c2f0'],
  ['Größe: 10 %', 'oio/gro-e-10-0198c2f0'],
  ['修复', 'oio/0198c2f0'],
  ['../../etc; rm -rf', 'oio/etc-rm-rf-0198c2f0'],
  ['a'.repeat(100), `oio/${'a'.repeat(40)}-0198c2f0`],
  [`${'a'.repeat(39)} b`, `oio/${'a'.repeat(39)}-0198c2f0`],
])('the branch of “%s” is %s, which git allows', (title, branch) => {
  expect(branchOf(title)).toBe(branch);
  expect(isBranchName(branch)).toBe(true);
});

it('a plan is pushed to origin if no remote is named, and only if it is to be pushed', () => {
  const session = { id: ID, title: 'Add it' };
  expect(planOf({ push: true }, session).remote).toBe('origin');
  expect(planOf({ push: true, remote: 'fork' }, session).remote).toBe('fork');
  expect(planOf({ push: false }, session)).toMatchObject({ remote: null, message: `Add it\n\nSession: ${ID}` });
});

test('a delivery that has failed says why', () => {
  const report = { branch: 'b', commit: null, pushed: false, remote: null, state: 'failed' as const };
  expect(deliveryText({ ...report, reason: 'It is full.' })).toBe('Not delivered to the branch b: It is full.');
});
