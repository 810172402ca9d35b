import { randomBytes } from 'node:crypto';
import { givenText } from '../../src/configuration/read.ts';
import type { DataDirectory } from '../data-directory.ts';
import { checkSettings } from '../settings.ts';

export interface Secrets {
  /** The admin token of the default workspace: `OIO_TOKEN`, or the one in the data directory. */
  adminToken: string;
  /** `kid:secret`, the format of the Worker's `OIO_SIGNING_KEYS`. */
  signingKeys: string;
}

/**
 * Reads the data directory's secrets, and creates missing ones. Each secret is a separate file with mode 0600.
 *
 * @throws CliError when a secret in the environment is invalid
 */
export function loadSecrets(data: DataDirectory, env: NodeJS.ProcessEnv): Secrets {
  checkSettings(env, 'launcher');
  return {
    adminToken: givenText('OIO_TOKEN', env) ?? stored(data, 'admin-token', randomText),
    signingKeys: givenText('OIO_SIGNING_KEYS', env) ?? stored(data, 'signing-keys', () => `local:${randomText()}`),
  };
}

/** 256 random bits in URL-safe characters. */
export function randomText(): string {
  return randomBytes(32).toString('base64url');
}

/** Reads a secret from its file, or creates the file. */
function stored(data: DataDirectory, name: string, create: () => string): string {
  const existing = data.read(name)?.trim();
  if (existing) return existing;
  const created = create();
  data.writePrivate(name, `${created}\n`);
  return created;
}
