import type { Role } from '../../../src/protocol/common/enums.ts';
import type { OperationId } from '../../../src/protocol/endpoints/routes.ts';

const READERS: readonly Role[] = ['viewer', 'operator', 'admin'];
const OPERATORS: readonly Role[] = ['operator', 'admin'];
const ADMINS: readonly Role[] = ['admin'];
const AGENTS: readonly Role[] = ['agent', 'admin'];
const EVERYONE: readonly Role[] = ['viewer', 'operator', 'admin', 'agent'];

/** The roles that may call each operation, written out so that a wrong entry in the table fails a test. */
export const MAY_CALL: Record<OperationId, readonly Role[] | 'public' | 'code'> = {
  createSession: OPERATORS,
  listSessions: READERS,
  bulkSessions: OPERATORS,
  readSession: EVERYONE,
  updateSession: OPERATORS,
  deleteSession: OPERATORS,
  startSession: OPERATORS,
  pauseSession: OPERATORS,
  resumeSession: OPERATORS,
  cancelSession: OPERATORS,
  stopSession: OPERATORS,
  completeSession: OPERATORS,
  failSession: OPERATORS,
  retrySession: OPERATORS,
  sendMessage: OPERATORS,
  listEvents: READERS,
  listCheckpoints: READERS,
  requestCheckpoint: OPERATORS,
  endTools: OPERATORS,
  readTranscript: READERS,
  readPatch: READERS,
  readDiff: READERS,
  listApprovals: READERS,
  answerApproval: OPERATORS,
  readArtifact: ['operator', 'admin', 'agent'],
  registerAgent: ['operator', 'admin', 'agent'],
  listAgents: READERS,
  readFleetStatistics: READERS,
  routeTask: READERS,
  rebalanceFleet: OPERATORS,
  // With its own token, an agent also reads itself.
  readAgent: READERS,
  readAgentPerformance: READERS,
  updateAgent: OPERATORS,
  drainAgent: OPERATORS,
  resumeAgent: OPERATORS,
  deregisterAgent: OPERATORS,
  readLock: EVERYONE,
  acquireLock: ['operator', 'admin', 'agent'],
  renewLock: ['operator', 'admin', 'agent'],
  releaseLock: ['operator', 'admin', 'agent'],
  readPrincipal: EVERYONE,
  createToken: ADMINS,
  listTokens: ADMINS,
  revokeToken: ADMINS,
  createCode: ADMINS,
  redeemCode: 'code',
  createTicket: EVERYONE,
  watchSession: READERS,
  openRunSocket: AGENTS,
  openControlSocket: AGENTS,
  readHealth: 'public',
  readReadiness: 'public',
};
