import * as z from 'zod';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { MAX_MOVES } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { AgentName } from './agent.ts';

const MOVES_BY_DEFAULT = 10;

export const RebalanceRequest = schema(() =>
  z
    .strictObject({
      dry_run: z.boolean().default(false).meta({ description: 'Only say what would be moved.' }),
      max_moves: z.int().min(1).max(MAX_MOVES).default(MOVES_BY_DEFAULT),
    })
    .meta({
      id: 'RebalanceRequest',
      description: 'How much work may be moved.',
      example: { dry_run: true, max_moves: 5 },
    }),
);
export type RebalanceRequest = Infer<typeof RebalanceRequest>;

const NamedAgent = schema(() => z.object({ agent_id: Uuid(), name: AgentName() }));

const Move = schema(() =>
  z.object({
    session_id: SessionId(),
    task_id: TaskId(),
    epoch: z.int(),
    /** An offer is offered to another agent at once. An agent at work is asked to save a checkpoint and let it go. */
    state: z.enum(['offered', 'accepted']),
    from: NamedAgent(),
    /** The agent that is the best one now. Others may have it when the work arrives. */
    to: NamedAgent(),
    reason: z.string(),
  }),
);

export const Rebalance = schema(() =>
  z
    .object({
      dry_run: z.boolean(),
      moved: z.array(Move()).max(MAX_MOVES),
      /** What stays at agents that have too much to do or are silent, by its reason. */
      not_moved: z.array(z.object({ reason: z.string(), count: z.int(), sessions: z.array(SessionId()).max(3) })),
    })
    .meta({
      id: 'Rebalance',
      description: 'What was moved and why, and what was not and why.',
      example: {
        dry_run: false,
        moved: [
          {
            session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
            task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
            epoch: 1,
            state: 'accepted',
            from: { agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', name: 'AGENT-LOCAL' },
            to: { agent_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', name: 'AGENT-OTHER' },
            reason: 'The load of AGENT-LOCAL is critical: 4 of 4 slots are in use.',
          },
        ],
        not_moved: [
          {
            reason: 'Its session does not allow it (allow_rebalance).',
            count: 1,
            sessions: ['0198c2f0-1a2b-8c3d-9e4f-5a6c00000000'],
          },
        ],
      },
    }),
);
export type Rebalance = Infer<typeof Rebalance>;
