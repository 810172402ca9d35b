import { resolve } from 'node:path';
import { Repository, RepositoryError } from '../../runner/git/repository.ts';
import { MissingDependencyError } from '../../runner/process/missing-dependency.ts';
import { CliError, exitCode } from '../command.ts';

/**
 * Makes sure, before anything is started, that an agent can work in a directory.
 *
 * @returns the absolute path
 * @throws CliError that says how to mend it
 */
export async function checkRepository(directory: string): Promise<string> {
  const path = resolve(directory);
  try {
    await Repository.open(path);
    return path;
  } catch (error) {
    if (error instanceof MissingDependencyError) throw new CliError(error.message, exitCode.environment);
    if (!(error instanceof RepositoryError)) throw error;
    const remedy = 'Name another directory with --dir, or leave the agent out with --no-agent.';
    throw new CliError(`${error.message} ${remedy}`, exitCode.environment);
  }
}
