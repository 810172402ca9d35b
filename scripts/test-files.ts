import { existsSync } from 'node:fs';

/**
 * The arguments for a run of Vitest on these files alone. Without this check, Vitest runs every test if it gets no file,
 * and runs all files whose path contains the text if there is no such file.
 *
 * @throws Error when there is no file, or one does not exist
 */
export function testFiles(files: readonly string[]): readonly string[] {
  if (files.length === 0)
    throw new Error('No test file was found. Check the pattern, and start in the project’s folder.');
  const missing = files.filter((file) => !file.endsWith('.test.ts') || !existsSync(file));
  if (missing.length > 0) throw new Error(`Name test files by their paths. These are none: ${missing.join(', ')}.`);
  return files;
}
