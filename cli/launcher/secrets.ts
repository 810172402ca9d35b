import { randomBytes } from 'node:crypto';
import { givenText } from '../../src/configuration/read.ts';
import type { DataDirectory } from '../data-directory.ts';
import { checkSettings } from '../settings.ts';

export interface Secrets {
  /** Admin token of the default workspace: `OIO_TOKEN`, or the one kept in the data directory. */
  adminToken: string;
  /** `kid:secret`, as the Worker's `OIO_SIGNING_KEYS` wants it. */
  signingKeys: string;
}

/**
 * Reads the data directory's secrets, making those that are missing. Each is a file of its own with mode 0600.
 *
 * @throws CliError when one that the environment gives cannot be used
 */
export function loadSecrets(data: DataDirectory, env: NodeJS.ProcessEnv): Secrets {
  checkSettings(env, 'launcher');
  return {
    adminToken: givenText('OIO_TOKEN', env) ?? kept(data, 'admin-token', randomText),
    signingKeys: givenText('OIO_SIGNING_KEYS', env) ?? kept(data, 'signing-keys', () => `local:${randomText()}`),
  };
}

/** 256 random bits in URL-safe characters. */
export function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function kept(data: DataDirectory, name: string, make: () => string): string {
  const stored = data.read(name)?.trim();
  if (stored) return stored;
  const made = make();
  data.writePrivate(name, `${made}\n`);
  return made;
}
