import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/**
 * A loopback port that is free now.
 *
 * @param port the port to try; 0 for any
 * @throws the system's error when the port cannot be bound
 */
export async function freePort(port = 0): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
  const bound = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return bound;
}
