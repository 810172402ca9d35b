import { SessionId, WorkspaceId } from '../../protocol/common/ids.ts';
import { ContextId } from '../../protocol/context/context.ts';

/**
 * The names of objects. Each name begins with its workspace, so that a caller cannot address an object of another
 * workspace: under the caller's own workspace, the id names a different, empty object.
 */
const AGENTS = 'agents';
const DIRECTORY = 'sessions';
const WORKSPACE = 'workspace';

/** Joins the parts of a name. @throws RangeError if a part is invalid, because the name would be ambiguous */
function objectName(workspace: WorkspaceId, id: string): string {
  if (!WorkspaceId().safeParse(workspace).success) throw new RangeError(`not a workspace id: ${workspace}`);
  return `${workspace}/${id}`;
}

export function sessionName(workspace: WorkspaceId, id: SessionId): string {
  if (!SessionId().safeParse(id).success) throw new RangeError(`not a session id: ${id}`);
  return objectName(workspace, id);
}

export function contextName(workspace: WorkspaceId, id: ContextId): string {
  if (!ContextId().safeParse(id).success) throw new RangeError(`not a context id: ${id}`);
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

/** Splits a name that one of the functions above created. Objects check principals against its workspace. */
export function partsOfName(name: string): { workspace: WorkspaceId; id: string } {
  const slash = name.indexOf('/');
  if (slash < 1) throw new RangeError(`not an object's name: ${name}`);
  return { workspace: name.slice(0, slash), id: name.slice(slash + 1) };
}
