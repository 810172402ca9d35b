import { SessionId, WorkspaceId } from '../../protocol/common/ids.ts';

/**
 * Names of objects. Each begins with its workspace, so that what belongs to another workspace cannot even be asked
 * for: under the caller's own name there is nothing.
 */
const AGENTS = 'agents';
const DIRECTORY = 'sessions';
const WORKSPACE = 'workspace';

/** Joins validated parts; a name that could be read in two ways is a programmer's error. */
function objectName(workspace: WorkspaceId, id: string): string {
  if (!WorkspaceId.safeParse(workspace).success) throw new RangeError(`not a workspace: ${workspace}`);
  return `${workspace}/${id}`;
}

export function sessionName(workspace: WorkspaceId, id: SessionId): string {
  if (!SessionId.safeParse(id).success) throw new RangeError(`not a session id: ${id}`);
  return objectName(workspace, id);
}

export function agentRegistryName(workspace: WorkspaceId): string {
  return objectName(workspace, AGENTS);
}

/** The directory of the workspace’s sessions. */
export function directoryName(workspace: WorkspaceId): string {
  return objectName(workspace, DIRECTORY);
}

export function workspaceName(workspace: WorkspaceId): string {
  return objectName(workspace, WORKSPACE);
}

/** The parts of a name that one of the functions above has made: what an object checks a principal against. */
export function partsOfName(name: string): { workspace: WorkspaceId; id: string } {
  const slash = name.indexOf('/');
  if (slash < 1) throw new RangeError(`not an object's name: ${name}`);
  return { workspace: name.slice(0, slash), id: name.slice(slash + 1) };
}
