import { expect, test } from 'vitest';
import { judgeVersion, whyNoMerges } from '../../../runner/git/version.ts';

test('a git that cannot merge without a work tree is named with the version that is needed', () => {
  expect(judgeVersion('git version 2.34.1\n')).toMatch(/^This agent has git 2\.34\.1, .*Install git 2\.39 or newer\.$/);
  expect(judgeVersion('git version 1.9.0')).toContain('git 1.9.0');
  expect(judgeVersion('something else')).toContain('something else');
});

test('a newer git merges, whoever has built it', async () => {
  for (const printed of ['2.39.0', '2.39.5 (Apple Git-154)', '2.47.1.windows.2', '3.0.0-rc1'])
    expect(judgeVersion(`git version ${printed}\n`)).toBeNull();
  expect(await whyNoMerges('.')).toBeNull();
});
