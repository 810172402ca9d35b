import { expect, test } from 'vitest';
import { mergeText } from '../../../runner/work/resolving.ts';
import type { Work } from '../../../src/protocol/run/start.ts';

const works = (...tasks: number[]): Work[] =>
  tasks.map((task, index) => ({
    checkpoint: index + 1,
    task_id: `0198c2f0-1a2b-8c3d-9e4f-5a6b0000000${task}`,
    parents: [],
    base_commit: '1'.repeat(40),
    commit: null,
    patch_artifact_id: null,
    patch_sha256: null,
    local_only: false,
  }));

test.each([
  [[], false, 'No task has changed a file.'],
  [[], true, 'No task has changed a file. The checks ran.'],
  [[5], false, 'The work of task 5 is the whole work.'],
  [[5], true, 'The checks ran on the work of task 5.'],
  [[5, 5], true, 'The checks ran on the work of task 5.'],
  [[2, 3], false, 'The works of tasks 2 and 3 are merged.'],
  [[2, 3, 5], true, 'The works of tasks 2, 3 and 5 are merged. The checks ran on the whole.'],
])('the merge of the works of tasks %j (checked: %j) is said in words', (tasks, isChecked, text) => {
  expect(mergeText('integrate', works(...tasks), isChecked)).toBe(text);
});

test('a conflict that a person has decided is said to be', () => {
  expect(mergeText('resolve', works(2, 3), true)).toBe('The conflict is resolved as a person has chosen.');
});
