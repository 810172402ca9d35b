import { describe, expect, it } from 'vitest';
import { AgentView, FleetStatistics, RoutedAgent } from '../../src/protocol/agent/agent.ts';
import { Rebalance } from '../../src/protocol/agent/rebalance.ts';
import { Role } from '../../src/protocol/common/enums.ts';
import { ok, type Problem, refuse } from '../../src/protocol/common/errors.ts';
import { OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import type { OperationId } from '../../src/protocol/endpoints/routes.ts';
import { HeldLock, LockView } from '../../src/protocol/lock/lock.ts';
import { SessionList } from '../../src/protocol/session/list.ts';
import { TemplateView } from '../../src/protocol/workspace/task-template.ts';
import { TokenView } from '../../src/protocol/workspace/token.ts';
import { MemoryContextArchive } from '../support/memory-context-archive.ts';
import { appWith, ask, newWorkspace, sessionsWith, signToken, UUID } from './http-support.ts';
import { exampleRequest } from './support/example-request.ts';
import { MAY_CALL } from './support/permissions.ts';

/** Operations whose path names an agent, which its own token may call. */
const OF_AN_AGENT: readonly OperationId[] = [
  ...(['readAgent', 'readAgentPerformance', 'openControlSocket'] as const),
  ...(['claimWork', 'sendHeartbeat'] as const),
];
/** Operations for which the session looks who holds the lease. */
const UNDER_A_LEASE: readonly OperationId[] = [
  ...(['reportEvents', 'reportCheckpoint', 'askApproval', 'sendArtifact'] as const),
  ...(['reportResult', 'reportConflict', 'releaseLease'] as const),
];

/** The agent of the examples. */
const OWN_AGENT = UUID;

/** Empty objects behind ports that answer at once. */
const away = refuse('not_found', 'There is nothing here.');
const absent = async () => new Response('There is nothing here.', { status: 404 });
const EMPTY_LIST = JSON.stringify(SessionList().meta()!.example);
const app = appWith({
  contextArchive: new MemoryContextArchive(),
  sessions: sessionsWith({}),
  directories: { of: () => ({ list: async () => ok({ text: EMPTY_LIST, next_cursor: null }) }) as never },
  agentRegistries: {
    of: () =>
      ({
        agents: async () => ok({ items: [], next_cursor: null }),
        register: async () => ok({ agent_id: OWN_AGENT, token_id: 'own' }),
        agent: async () => ok(AgentView().meta()!.example),
        isOwnToken: async () => true,
        route: async () => ok(RoutedAgent().meta()!.example),
        statistics: async () => ok(FleetStatistics().meta()!.example),
        rebalance: async () => ok(Rebalance().meta()!.example),
        performance: async () => away,
        claim: async () => ok([]),
        heartbeat: async () => ok(null),
        update: async () => away,
        drain: async () => away,
        resume: async () => away,
        deregister: async () => away,
        acquireLock: async () => ok({ state: 'held', lock: HeldLock().meta()!.example }),
        renewLock: async () => ok(HeldLock().meta()!.example),
        releaseLock: async () => ok(null),
        readLock: async () => ok(LockView().meta()!.example),
      }) as never,
  },
  workspaces: {
    of: () =>
      ({
        templates: async () => ok([]),
        putTemplate: async () => ok(TemplateView().meta()!.example),
        deleteTemplate: async () => away,
        revokedTokens: async () => [],
        recordSocket: async () => true,
        createToken: async () => ok(TokenView().meta()!.example),
        listTokens: async () => ok({ items: [], next_cursor: null }),
        revokeToken: async () => away,
      }) as never,
  },
  sockets: { open: absent, close: async () => {}, nextEvent: async () => ok(null) },
});

/** The status of a response. An agent that may call an operation, but has no lease for it, may call it. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  if (response.status !== 403) return response.status;
  return ((await response.json()) as Problem).code === 'context_scope_mismatch' ? 200 : 403;
}

describe('roles', () => {
  const guarded = OPERATION_IDS.filter((id) => typeof MAY_CALL[id] !== 'string');

  it.each(guarded)('without permission for %s are refused, and all others are accepted', async (id) => {
    const { path, options } = exampleRequest(id);
    for (const role of Role().options) {
      const status = await statusOf(app.ask(path, { ...options, token: await signToken(role) }));
      if (MAY_CALL[id].includes(role)) expect([role, [200, 201, 204, 404].includes(status)]).toEqual([role, true]);
      else expect([role, status]).toEqual([role, 403]);
    }
  });

  it.each(guarded)(
    'an agent’s own token may do for %s what the role may, as this agent, and registers none',
    async (id) => {
      const { path, options } = exampleRequest(id);
      const statusWith = async (agentId: string) => {
        const token = await signToken('agent', newWorkspace(), 600, { id: agentId, registered_by: 'static' });
        return statusOf(app.ask(path, { ...options, token }));
      };
      const ofAnAgent = OF_AN_AGENT.includes(id);
      const mayCall =
        ofAnAgent || UNDER_A_LEASE.includes(id) || (MAY_CALL[id].includes('agent') && id !== 'registerAgent');
      expect([200, 201, 204, 404].includes(await statusWith(OWN_AGENT))).toBe(mayCall);
      const other = await statusWith(crypto.randomUUID());
      expect(other === 403).toBe(ofAnAgent || !mayCall);
    },
  );

  it('are checked before the body is read', async () => {
    const response = await app.ask('/api/v1/tokens', { token: await signToken('viewer'), body: '{"not":' });
    expect(response.status).toBe(403);
  });
});

describe('a token', () => {
  it.each(OPERATION_IDS)('is required for %s unless the operation is public', async (id) => {
    const { path, options } = exampleRequest(id);
    const { status } = await ask(path, options);
    expect(status).toBe(MAY_CALL[id] === 'public' ? 200 : 401);
  });
});
