import * as z from 'zod';
import { CURSOR_PATTERN } from '../common/cursor.ts';
import { Instant } from '../common/instant.ts';
import { AgentEventBody } from './agent.ts';
import { ApprovalEventBody } from './approval.ts';
import { MessageEventBody, SessionEventBody } from './session.ts';
import { TaskEventBody } from './task.ts';

/**
 * What a session's log holds. The log is the truth: a session's visible state is a pure fold of it
 * (`src/domain/session/session-state.ts`), on the server and in every client.
 */
export const EventBody = z.discriminatedUnion('type', [
  SessionEventBody,
  MessageEventBody,
  TaskEventBody,
  ApprovalEventBody,
  AgentEventBody,
]);
export type EventBody = z.infer<typeof EventBody>;

/** Where an event stands in the log. */
export const EventPlace = z.object({
  /** The range of the log that this event stands for: one place, or a run of increments that were joined. */
  from_seq: z.int().min(1),
  seq: z.int().min(1),
  at: Instant,
  /** The number of the task that the event is about; WHOLE_SESSION (0) for the session as a whole. */
  task: z.int().min(0),
});
export type EventPlace = z.infer<typeof EventPlace>;

export const SessionEvent = z.intersection(EventPlace, EventBody).meta({
  id: 'SessionEvent',
  description: 'An event of a session’s log.',
  example: {
    from_seq: 3,
    seq: 3,
    at: '2026-11-22T15:04:05.678Z',
    task: 0,
    type: 'session.status',
    data: { from: 'pending', to: 'queued', reason: 'start' },
  },
});
export type SessionEvent = EventPlace & EventBody;

export const CursorText = z
  .string()
  .regex(CURSOR_PATTERN, 'a cursor is written <incarnation>.<seq>')
  .meta({ id: 'Cursor', description: 'A place in a log.', example: '5f2b9c1e.12' });

export const EventPage = z
  .object({
    items: z.array(SessionEvent),
    /** Read on from here. */
    cursor: CursorText,
    has_more: z.boolean(),
    /** True when `after` could not be honoured (another incarnation, retired, or beyond the head). */
    reset: z.boolean(),
  })
  .meta({
    id: 'EventPage',
    description: 'A page of a session’s log.',
    example: { items: [], cursor: '5f2b9c1e.12', has_more: false, reset: false },
  });
export type EventPage = z.infer<typeof EventPage>;
