import { randomBytes } from 'node:crypto';
import { CliError, exitCode } from '../command.ts';
import type { DataDirectory } from '../data-directory.ts';

export interface Secrets {
  /** Admin token of the default workspace: `OIO_TOKEN`, or the one kept in the data directory. */
  adminToken: string;
  /** `kid:secret`, as the Worker's `OIO_SIGNING_KEYS` wants it. */
  signingKeys: string;
}

const tokenLengthMin = 32;

/**
 * Reads the data directory's secrets, making those that are missing. Each is a file of its own with mode 0600.
 *
 * @throws CliError when `OIO_TOKEN` is shorter than the Worker accepts
 */
export function loadSecrets(data: DataDirectory, env: NodeJS.ProcessEnv): Secrets {
  return {
    adminToken: env.OIO_TOKEN ? checkedToken(env.OIO_TOKEN.trim()) : kept(data, 'admin-token', randomText),
    signingKeys: env.OIO_SIGNING_KEYS || kept(data, 'signing-keys', () => `local:${randomText()}`),
  };
}

/** 256 random bits in URL-safe characters. */
export function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function checkedToken(token: string): string {
  if (token.length < tokenLengthMin) {
    throw new CliError(
      `OIO_TOKEN has ${token.length} characters and needs at least ${tokenLengthMin}. Make one with: openssl rand -hex 32. Or unset it, and one is made and kept.`,
      exitCode.environment,
    );
  }
  return token;
}

function kept(data: DataDirectory, name: string, make: () => string): string {
  const stored = data.read(name)?.trim();
  if (stored) return stored;
  const made = make();
  data.writePrivate(name, `${made}\n`);
  return made;
}
