import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lockFile } from './process/lock-file.ts';
import { moveAside } from './process/move-aside.ts';

const SECRET_BYTES = 32;

/** An agent's identity, which lasts as long as the agent's data directory. */
export interface Identity {
  agent_id: string;
  /** A value in the environment of all processes of this agent, and of no other agent. */
  marker: string;
  /** Shows the control plane that this agent is the one that registered the id; see `AgentHello`. */
  secret: string;
}

/** The content of `agent.json`. */
interface StoredIdentity extends Omit<Identity, 'secret'> {
  /** Files of earlier versions lack it. */
  secret?: string;
  /** Where the agent worked last. Files of earlier versions lack it. */
  directory?: string;
}

/** Another process uses the data directory. */
export class DataDirectoryInUseError extends Error {
  override name = 'DataDirectoryInUseError';
}

/**
 * Reads the identity from the data directory, or creates it at the first start.
 *
 * The marker also depends on the machine and on the directory's path. Otherwise, an agent with a copy of the directory
 * would end the processes of the original as its own leftovers.
 */
export function loadIdentity(dataDirectory: string, log: (line: string) => void = () => undefined): Identity {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const directory = realpathSync(dataDirectory);
  const path = join(directory, 'agent.json');
  let stored = readIdentity(path);
  if (stored === 'unusable') {
    log(`${path} cannot be used: moved it to ${moveAside(path)}; this agent has a new identity`);
    stored = null;
  }
  if (stored !== null && isCopy(stored, directory)) {
    log(
      `${directory} is a copy of ${stored.directory}: this agent has a new identity and leaves that one's work alone`,
    );
    // The original delivers these frames and has these worktrees.
    for (const name of ['leases', 'worktrees']) rmSync(join(directory, name), { recursive: true, force: true });
    stored = null;
  }
  const known: StoredIdentity = stored ?? { agent_id: randomUUID(), marker: randomUUID() };
  const identity = { ...known, secret: known.secret ?? randomBytes(SECRET_BYTES).toString('hex'), directory };
  if (stored?.directory !== directory || stored.secret === undefined) {
    writeFileSync(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  const place = JSON.stringify([identity.marker, hostname(), directory]);
  const marker = createHash('sha256').update(place).digest('hex').slice(0, 32);
  return { agent_id: identity.agent_id, marker, secret: identity.secret };
}

/** The identity with the id for which the control plane has registered the agent. */
export function adoptId(dataDirectory: string, identity: Identity, agentId: string): Identity {
  if (identity.agent_id === agentId) return identity;
  const path = join(realpathSync(dataDirectory), 'agent.json');
  const stored = JSON.parse(readFileSync(path, 'utf8')) as StoredIdentity;
  writeFileSync(`${path}.new`, JSON.stringify({ ...stored, agent_id: agentId }), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return { ...identity, agent_id: agentId };
}

/** @returns null if the file does not exist */
function readIdentity(path: string): StoredIdentity | 'unusable' | null {
  try {
    const { agent_id, marker, secret, directory } = JSON.parse(readFileSync(path, 'utf8'));
    const isUsable = [agent_id, marker].every((text) => typeof text === 'string' && text !== '');
    return isUsable ? { agent_id, marker, secret, directory } : 'unusable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'unusable';
  }
}

/** Whether the directory in which this identity worked last still exists, and is another one. */
function isCopy({ agent_id, directory: original }: StoredIdentity, directory: string): boolean {
  if (original === undefined || original === directory) return false;
  const other = readIdentity(join(original, 'agent.json'));
  if (other === null || other === 'unusable' || other.agent_id !== agent_id) return false;
  // One directory can have two paths.
  const [one, two] = [statSync(original), statSync(directory)];
  return one.dev !== two.dev || one.ino !== two.ino;
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
