import type { SESSION_ACTIONS } from '../session/actions.ts';

/**
 * The method and path of each operation, over REST and over sockets. `endpoints.ts` has the rest of the table. This
 * file has no schemas, so that browsers and agents need not load zod for a path.
 */
export const ROUTES = {
  createSession: { method: 'POST', path: '/api/v1/sessions' },
  listSessions: { method: 'GET', path: '/api/v1/sessions' },
  bulkSessions: { method: 'POST', path: '/api/v1/sessions/bulk' },
  readSession: { method: 'GET', path: '/api/v1/sessions/{id}' },
  updateSession: { method: 'PATCH', path: '/api/v1/sessions/{id}' },
  deleteSession: { method: 'DELETE', path: '/api/v1/sessions/{id}' },

  startSession: { method: 'POST', path: '/api/v1/sessions/{id}/start' },
  pauseSession: { method: 'POST', path: '/api/v1/sessions/{id}/pause' },
  resumeSession: { method: 'POST', path: '/api/v1/sessions/{id}/resume' },
  cancelSession: { method: 'POST', path: '/api/v1/sessions/{id}/cancel' },
  stopSession: { method: 'POST', path: '/api/v1/sessions/{id}/stop' },
  completeSession: { method: 'POST', path: '/api/v1/sessions/{id}/complete' },
  failSession: { method: 'POST', path: '/api/v1/sessions/{id}/fail' },
  retrySession: { method: 'POST', path: '/api/v1/sessions/{id}/retry' },
  sendMessage: { method: 'POST', path: '/api/v1/sessions/{id}/messages' },
  deliverWork: { method: 'POST', path: '/api/v1/sessions/{id}/deliver' },

  listEvents: { method: 'GET', path: '/api/v1/sessions/{id}/events' },
  readTranscript: { method: 'GET', path: '/api/v1/sessions/{id}/transcript' },
  listCheckpoints: { method: 'GET', path: '/api/v1/sessions/{id}/checkpoints' },
  requestCheckpoint: { method: 'POST', path: '/api/v1/sessions/{id}/checkpoints' },
  endTools: { method: 'POST', path: '/api/v1/sessions/{id}/tools/end' },
  readPatch: { method: 'GET', path: '/api/v1/sessions/{id}/patch' },
  readDiff: { method: 'GET', path: '/api/v1/sessions/{id}/diff' },
  listApprovals: { method: 'GET', path: '/api/v1/sessions/{id}/approvals' },
  answerApproval: { method: 'POST', path: '/api/v1/sessions/{id}/approvals/{approval_id}' },
  listFiles: { method: 'GET', path: '/api/v1/sessions/{id}/files' },
  readArtifact: { method: 'GET', path: '/api/v1/sessions/{id}/artifacts/{artifact_id}' },

  createGraph: { method: 'POST', path: '/api/v1/sessions/{id}/tasks' },
  listSessionTasks: { method: 'GET', path: '/api/v1/sessions/{id}/tasks' },
  readGraph: { method: 'GET', path: '/api/v1/sessions/{id}/graph' },
  createTask: { method: 'POST', path: '/api/v1/tasks' },
  listTasks: { method: 'GET', path: '/api/v1/tasks' },
  readTask: { method: 'GET', path: '/api/v1/tasks/{id}' },
  updateTask: { method: 'PATCH', path: '/api/v1/tasks/{id}' },
  deleteTask: { method: 'DELETE', path: '/api/v1/tasks/{id}' },
  updateTaskStatus: { method: 'POST', path: '/api/v1/tasks/{id}/status' },
  decomposeTask: { method: 'POST', path: '/api/v1/tasks/{id}/decompose' },
  retryTask: { method: 'POST', path: '/api/v1/tasks/{id}/retry' },
  readDependencies: { method: 'GET', path: '/api/v1/tasks/{id}/dependencies' },
  addDependency: { method: 'POST', path: '/api/v1/tasks/{id}/dependencies' },
  removeDependency: { method: 'DELETE', path: '/api/v1/tasks/{id}/dependencies/{depends_on_task_id}' },
  rateTask: { method: 'POST', path: '/api/v1/tasks/{id}/rating' },

  createContext: { method: 'POST', path: '/api/v1/contexts' },
  listContexts: { method: 'GET', path: '/api/v1/contexts' },
  mergeContexts: { method: 'POST', path: '/api/v1/contexts/merge' },
  readEffectiveContext: { method: 'GET', path: '/api/v1/contexts/effective' },
  readContext: { method: 'GET', path: '/api/v1/contexts/{id}' },
  updateContext: { method: 'PATCH', path: '/api/v1/contexts/{id}' },
  deleteContext: { method: 'DELETE', path: '/api/v1/contexts/{id}' },
  readContextKey: { method: 'GET', path: '/api/v1/contexts/{id}/keys/{path}' },
  putContextKey: { method: 'PUT', path: '/api/v1/contexts/{id}/keys/{path}' },
  deleteContextKey: { method: 'DELETE', path: '/api/v1/contexts/{id}/keys/{path}' },
  readContextHistory: { method: 'GET', path: '/api/v1/contexts/{id}/history' },
  diffContextVersions: { method: 'GET', path: '/api/v1/contexts/{id}/diff' },
  diffContexts: { method: 'GET', path: '/api/v1/contexts/{id}/diff/{other}' },
  shareContext: { method: 'POST', path: '/api/v1/contexts/{id}/share' },
  unlinkContext: { method: 'DELETE', path: '/api/v1/contexts/{id}/links/{context_id}' },
  promoteContext: { method: 'POST', path: '/api/v1/contexts/{id}/promote' },
  listContextConflicts: { method: 'GET', path: '/api/v1/contexts/{id}/conflicts' },
  resolveContextConflict: { method: 'POST', path: '/api/v1/contexts/{id}/conflicts/{n}/resolve' },
  revertContext: { method: 'POST', path: '/api/v1/contexts/{id}/revert' },

  listAgents: { method: 'GET', path: '/api/v1/agents' },
  registerAgent: { method: 'POST', path: '/api/v1/agents' },
  readFleetStatistics: { method: 'GET', path: '/api/v1/agents/stats' },
  routeTask: { method: 'POST', path: '/api/v1/agents/route' },
  rebalanceFleet: { method: 'POST', path: '/api/v1/agents/rebalance' },
  readAgent: { method: 'GET', path: '/api/v1/agents/{id}' },
  updateAgent: { method: 'PATCH', path: '/api/v1/agents/{id}' },
  deregisterAgent: { method: 'DELETE', path: '/api/v1/agents/{id}' },
  readAgentPerformance: { method: 'GET', path: '/api/v1/agents/{id}/performance' },
  drainAgent: { method: 'POST', path: '/api/v1/agents/{id}/drain' },
  resumeAgent: { method: 'POST', path: '/api/v1/agents/{id}/resume' },
  claimWork: { method: 'POST', path: '/api/v1/agents/{id}/claim' },
  sendHeartbeat: { method: 'POST', path: '/api/v1/agents/{id}/heartbeat' },

  reportEvents: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/events' },
  reportCheckpoint: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/checkpoints' },
  askApproval: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/approvals' },
  sendArtifact: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/artifacts' },
  reportResult: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/result' },
  reportConflict: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/conflict' },
  releaseLease: { method: 'POST', path: '/api/v1/leases/{task_id}/{epoch}/release' },

  readLock: { method: 'GET', path: '/api/v1/locks/{resource}' },
  acquireLock: { method: 'POST', path: '/api/v1/locks/{resource}/acquire' },
  renewLock: { method: 'POST', path: '/api/v1/locks/{resource}/renew' },
  releaseLock: { method: 'POST', path: '/api/v1/locks/{resource}/release' },

  listTemplates: { method: 'GET', path: '/api/v1/templates' },
  readTemplate: { method: 'GET', path: '/api/v1/templates/{name}' },
  putTemplate: { method: 'PUT', path: '/api/v1/templates/{name}' },
  deleteTemplate: { method: 'DELETE', path: '/api/v1/templates/{name}' },

  readPrincipal: { method: 'GET', path: '/api/v1/me' },
  createToken: { method: 'POST', path: '/api/v1/tokens' },
  listTokens: { method: 'GET', path: '/api/v1/tokens' },
  revokeToken: { method: 'DELETE', path: '/api/v1/tokens/{id}' },
  createCode: { method: 'POST', path: '/api/v1/codes' },
  redeemCode: { method: 'POST', path: '/api/v1/codes/redeem' },

  createTicket: { method: 'POST', path: '/api/v1/tickets' },
  watchSession: { method: 'GET', path: '/ws/sessions/{id}' },
  watchContext: { method: 'GET', path: '/ws/contexts/{id}' },
  openRunSocket: { method: 'GET', path: '/ws/leases/{task_id}/{epoch}' },
  openControlSocket: { method: 'GET', path: '/ws/agents/{agent_id}/control' },

  readHealth: { method: 'GET', path: '/health' },
  readReadiness: { method: 'GET', path: '/ready' },
} as const satisfies Record<string, Route> & Record<`${(typeof SESSION_ACTIONS)[number]}Session`, Route>;

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A template: `{name}` stands for one segment. */
  path: `/${string}`;
}

/** The name of an operation: its key in the table, and its `operationId` in OpenAPI. */
export type OperationId = keyof typeof ROUTES;
export type PathOf<Id extends OperationId> = (typeof ROUTES)[Id]['path'];

/** The names of a template's parameters. */
export type ParamNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;

/** The values of an operation's path parameters. */
export type PathParams<Id extends OperationId> = Record<ParamNames<PathOf<Id>>, string>;

/**
 * The path of an operation, with each parameter encoded as one segment.
 *
 * ```ts
 * pathOf('openRunSocket', { task_id, epoch: String(epoch) }) // '/ws/leases/0198…/3'
 * ```
 */
export function pathOf<Id extends OperationId>(
  id: Id,
  ...[params]: [ParamNames<PathOf<Id>>] extends [never] ? [] : [params: PathParams<Id>]
): string {
  const values = (params ?? {}) as Record<string, string>;
  return ROUTES[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name]!));
}

/**
 * The decoded parameters of a path; null when the path does not match the operation. A trailing slash is ignored. The
 * operation's schema validates the values.
 */
export function matchPath<Id extends OperationId>(id: Id, path: string): PathParams<Id> | null {
  return paramsOf(ROUTES[id].path, path) as PathParams<Id> | null;
}

/** The methods of a path; empty when no operation has this path. */
export function methodsOf(path: string): Route['method'][] {
  const routes: Route[] = Object.values(ROUTES);
  return [...new Set(routes.filter((route) => paramsOf(route.path, path)).map(({ method }) => method))];
}

function paramsOf(template: string, path: string): Record<string, string> | null {
  const names = template.split('/');
  const values = path.replace(/\/$/, '').split('/');
  if (names.length !== values.length) return null;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const value = values[index]!;
    if (!name.startsWith('{')) {
      if (name !== value) return null;
    } else if (value === '') return null;
    else params[name.slice(1, -1)] = decoded(value);
  }
  return params;
}

/** Decodes a segment. An invalid one is returned unchanged, and no parameter's schema accepts it. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
