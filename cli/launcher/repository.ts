import { RepositoryError } from '../../runner/git/commits.ts';
import { Repository } from '../../runner/git/repository.ts';
import { MissingDependencyError } from '../../runner/process/missing-dependency.ts';
import { CliError, exitCode } from '../command.ts';
import { givenPath } from '../given-path.ts';

/**
 * Checks that an agent can work in a directory, before any process is started.
 *
 * @returns the absolute path
 * @throws CliError that says how to fix the problem
 */
export async function checkRepository(directory: string): Promise<string> {
  const path = givenPath(directory);
  try {
    await Repository.open(path);
    return path;
  } catch (error) {
    if (error instanceof MissingDependencyError) throw new CliError(error.message, exitCode.environment);
    if (!(error instanceof RepositoryError)) throw error;
    const remedy = 'Choose another directory with --dir, or start without an agent with --no-agent.';
    throw new CliError(`${error.message} ${remedy}`, exitCode.environment);
  }
}
