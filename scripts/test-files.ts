import { existsSync } from 'node:fs';

/**
 * Checks the arguments for a run of Vitest on these files alone. Without a file, Vitest would run every test. For a
 * file that does not exist, Vitest would run all files whose paths contain its name.
 *
 * @throws Error if the list is empty, or if a file does not exist or is not a test
 */
export function testFiles(files: readonly string[]): readonly string[] {
  if (files.length === 0)
    throw new Error('No test file was found. Check the pattern, and start in the project’s folder.');
  const missing = files.filter((file) => !file.endsWith('.test.ts') || !existsSync(file));
  if (missing.length > 0)
    throw new Error(`Name test files by their paths. These are not test files: ${missing.join(', ')}.`);
  return files;
}
