import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from './process/lock-file.ts';

/** An agent's identity, which lasts as long as the agent's data directory. */
export interface Identity {
  agent_id: string;
  /** A value in the environment of all processes of this agent, and of no other agent. */
  marker: string;
}

/** Another process uses the data directory. */
export class DataDirectoryInUseError extends Error {
  override name = 'DataDirectoryInUseError';
}

/** Reads the identity from the data directory, or creates it at the first start. */
export function loadIdentity(dataDirectory: string): Identity {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const path = join(dataDirectory, 'agent.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Identity;
  const identity: Identity = { agent_id: randomUUID(), marker: randomUUID() };
  writeFileSync(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return identity;
}

/**
 * Locks the data directory for this process. Without the lock, a second process would take the first one's tools for
 * orphans and end them.
 *
 * @returns a function that releases the lock
 * @throws DataDirectoryInUseError
 */
export function lockDataDirectory(dataDirectory: string): () => void {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const unlock = lockFile(join(dataDirectory, 'agent.lock'));
  if (unlock === null) {
    throw new DataDirectoryInUseError(`Another agent uses ${dataDirectory}. Stop it, or choose another directory.`);
  }
  return unlock;
}
