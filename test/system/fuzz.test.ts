import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const INPUTS = '600';

it('a short fuzz run against the built Worker finds no 5xx, no hang, and no change by a refused input', async () => {
  const args = ['test/fuzz/main.ts', '--inputs', INPUTS, '--seed', '1'];
  const { stdout } = await promisify(execFile)('node', args);
  expect(stdout).toContain(`${INPUTS} inputs, no 5xx, no hang`);
});
