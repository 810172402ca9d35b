import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from './process/lock-file.ts';

/** Who this agent is, for as long as its data directory lives. */
export interface Identity {
  agent_id: string;
  /** Carried by each of its processes, and by no other agent's. */
  marker: string;
}

/** Another process of this agent runs. */
export class DataDirectoryInUseError extends Error {
  override name = 'DataDirectoryInUseError';
}

/** Reads the identity that is kept in the data directory, or makes one. */
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
 * Keeps the data directory for this process alone: a second one would end the first one's tools as orphans.
 *
 * @returns a function that gives the lock back
 * @throws DataDirectoryInUseError
 */
export function lockDataDirectory(dataDirectory: string): () => void {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const unlock = lockFile(join(dataDirectory, 'agent.lock'));
  if (unlock === null) {
    throw new DataDirectoryInUseError(`Another agent runs on ${dataDirectory}: stop it, or name another directory.`);
  }
  return unlock;
}
