import { describe, expect, it } from 'vitest';
import { RebalanceRequest } from '../../../src/protocol/agent/rebalance.ts';
import { eventually } from '../../support/eventually.ts';
import { valueIn } from '../../support/value-in.ts';
import {
  AGENT_A,
  AGENT_B,
  accept,
  callFrom,
  join,
  type MakeRegistry,
  offers,
  type RegistryUnderTest,
  slotRequest,
  withAgent,
} from './agent-registry.fixture.ts';

async function rebalance({ api, workspace }: RegistryUnderTest, changes: object = {}) {
  return valueIn(await api.rebalance(callFrom(workspace), RebalanceRequest().parse(changes)));
}

const sessionOf = (task: number) => `0198c2f0-1a2b-8c3d-9e4f-5a6${task}00000000`;
/** The first task of a session of its own. */
const request = (session: number, requirements: object = {}) =>
  slotRequest(1, {
    session_id: sessionOf(session),
    task_id: `0198c2f0-1a2b-8c3d-9e4f-5a6${session}00000001`,
    requirements,
  });
const ALLOWED = { allow_rebalance: true };

/** An agent whose three slots are in use, by two sessions that may be moved and one that may not, and an idle one. */
async function unbalanced(make: MakeRegistry) {
  const registry = await withAgent(make, { capacity: 3 });
  for (const [session, requirements] of [
    [1, ALLOWED],
    [2, {}],
    [3, ALLOWED],
  ] as const) {
    await registry.api.reserve(request(session, requirements));
    await accept(registry.registry, registry.agent, request(session, requirements));
  }
  const other = await join(registry.registry, { name: 'AGENT-OTHER', capacity: 10 }, AGENT_B);
  return { ...registry, other };
}

/** The contract of moves between agents. */
export function rebalanceContract(make: MakeRegistry): void {
  describe('a rebalance', () => {
    it('asks the newest session that allows it to let its work go, once in ten minutes', async () => {
      const registry = await unbalanced(make);
      const moved = [
        {
          session_id: sessionOf(3),
          task_id: request(3).task_id,
          epoch: 1,
          state: 'accepted',
          from: { agent_id: AGENT_A, name: 'AGENT-TEST' },
          to: { agent_id: AGENT_B, name: 'AGENT-OTHER' },
          reason: 'The load of AGENT-TEST is critical: 3 of 3 slots are in use.',
        },
      ];
      expect(await rebalance(registry.registry, { dry_run: true })).toEqual({ dry_run: true, moved, not_moved: [] });
      expect(registry.registry.evictions()).toEqual([]);
      expect(await rebalance(registry.registry)).toEqual({ dry_run: false, moved, not_moved: [] });
      await eventually(() =>
        expect(registry.registry.evictions()).toEqual([
          { task_id: request(3).task_id, epoch: 1, reason: 'rebalanced' },
        ]),
      );
      expect(await rebalance(registry.registry)).toMatchObject({ moved: [] });
      // The agent still works on it.
      expect(await registry.api.reserve(request(3, ALLOWED))).toMatchObject({ state: 'accepted', agent_id: AGENT_A });
    });

    it('says what it does not move', async () => {
      const registry = await unbalanced(make);
      await registry.api.update(callFrom(registry.workspace), AGENT_A, { max_concurrent_capacity: 1 });
      const { moved, not_moved } = await rebalance(registry.registry, { max_moves: 1 });
      expect(moved).toMatchObject([{ session_id: sessionOf(3) }]);
      expect(not_moved).toEqual([
        { reason: 'Its session does not allow it (allow_rebalance).', count: 1, sessions: [sessionOf(2)] },
        { reason: 'There are more moves than max_moves.', count: 1, sessions: [sessionOf(1)] },
      ]);
    });

    it('learns that a session allows it while its work runs', async () => {
      const registry = await unbalanced(make);
      await registry.api.reserve(request(3));
      await registry.api.reserve(request(1));
      expect(await rebalance(registry.registry)).toMatchObject({ moved: [] });
      await registry.api.reserve(request(2, ALLOWED));
      expect(await rebalance(registry.registry)).toMatchObject({ moved: [{ session_id: sessionOf(2) }] });
    });

    it('offers at once to another agent what waits at one that has too much', async () => {
      const registry = await withAgent(make, { capacity: 2 });
      await registry.api.reserve(request(1));
      await accept(registry.registry, registry.agent, request(1));
      await registry.api.reserve(request(2));
      await eventually(() => expect(offers(registry.agent)).toContain(request(2).task_id));
      const other = await join(registry.registry, { name: 'AGENT-OTHER', capacity: 10 }, AGENT_B);
      expect(await rebalance(registry.registry)).toMatchObject({
        moved: [{ state: 'offered', to: { agent_id: AGENT_B } }],
      });
      await eventually(() => expect(offers(other)).toEqual([request(2).task_id]));
      await eventually(() =>
        expect(registry.agent.frames.at(-1)).toEqual({ type: 'cancel', task_id: request(2).task_id, epoch: 1 }),
      );
      expect(await registry.api.reserve(request(2))).toEqual({ state: 'offered', agent_id: AGENT_B });
    });

    it('of an unused registry moves nothing', async () => {
      expect(await rebalance(await make())).toEqual({ dry_run: false, moved: [], not_moved: [] });
    });
  });
}
