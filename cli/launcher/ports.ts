import { freePort } from '../../runner/process/free-port.ts';
import { CliError, exitCode } from '../command.ts';

/**
 * Checks that a loopback port can be bound; 0 chooses a free one.
 *
 * @throws CliError that names the variable to set
 */
export async function checkPort(port: number): Promise<number> {
  try {
    return await freePort(port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'EADDRINUSE'
        ? 'is in use by another program'
        : code === 'EACCES'
          ? 'cannot be bound by this user'
          : `cannot be bound (${code})`;
    throw new CliError(
      `Port ${port} ${reason}. Set PORT to another port, such as PORT=${port + 1}.`,
      exitCode.environment,
    );
  }
}
