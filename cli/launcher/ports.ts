import { createServer } from 'node:net';
import { CliError, exitCode } from '../command.ts';

const host = '127.0.0.1';

/** A port that is free on loopback now. */
export async function freePort(): Promise<number> {
  return listenOnce(0);
}

/**
 * Makes sure that a loopback port can be bound; 0 chooses a free one.
 *
 * @throws CliError that names the variable to set
 */
export async function checkPort(port: number): Promise<number> {
  try {
    return await listenOnce(port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'EADDRINUSE'
        ? 'is taken by another program'
        : code === 'EACCES'
          ? 'may not be bound by this user'
          : `cannot be bound (${code})`;
    throw new CliError(
      `Port ${port} ${reason}. Set PORT to another one, such as PORT=${port + 1}.`,
      exitCode.environment,
    );
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
