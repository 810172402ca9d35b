import * as z from 'zod';
import { type Infer, schema } from '../common/schema.ts';

/** Why a session waits for an agent. */
export const QueueReason = schema(() =>
  z
    .enum([
      'no_agent',
      'nothing_fits',
      'all_refused',
      'none_open',
      'all_busy',
      'all_quiet',
      'all_declined',
      'offered',
      'not_asked',
      'not_approved',
    ])
    .meta({
      id: 'QueueReason',
      description: [
        'Why a session waits: no agent is connected; no connected agent has what it needs; all that fit have refused it,',
        'are draining or get no work because of their own failures, are at work, are silent, or have just declined it; an agent has the offer; the session has not asked yet, or a person has to approve something first.',
      ].join(' '),
      example: 'all_busy',
    }),
);
export type QueueReason = Infer<typeof QueueReason>;

export const QueuePlace = schema(() =>
  z
    .object({
      reason: QueueReason(),
      message: z.string().meta({ description: 'The place and the reason in words, for people.' }),
      ahead: z
        .int()
        .nullable()
        .meta({ description: 'The number of requests that are served before; null if it is not known.' }),
      place: z.int().min(1).nullable().meta({
        description: 'The place among the requests that compete for the same agents; null if it is not known.',
      }),
      estimated_wait_seconds: z.int().min(0).nullable().meta({
        description:
          'An estimate: the place, divided by the rate at which the agents that can take the session finish tasks, by their recent durations. Null if no duration is known, or if they get no work now.',
      }),
      missing: z.array(z.string()).meta({ description: 'What the session needs and no connected agent has.' }),
    })
    .meta({
      id: 'QueuePlace',
      description: 'What a session waits for while it has no agent.',
      example: {
        reason: 'all_busy',
        message: 'The agent that can take it is busy. 2 requests are ahead.',
        ahead: 2,
        place: 3,
        estimated_wait_seconds: 1_080,
        missing: [],
      },
    }),
);
export type QueuePlace = Infer<typeof QueuePlace>;
