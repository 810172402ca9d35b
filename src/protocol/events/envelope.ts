import * as z from 'zod';
import { CursorText } from '../common/cursor-text.ts';
import { Instant } from '../common/instant.ts';
import { type Infer, schema } from '../common/schema.ts';
import { AgentEventBody } from './agent.ts';
import { ApprovalEventBody } from './approval.ts';
import { MessageEventBody, SessionEventBody } from './session.ts';
import { TaskEventBody } from './task.ts';

/**
 * The events of a session's log. The log is the source of truth: a session's visible state is a pure fold of it
 * (`src/domain/session/session-state.ts`), on the server and in every client.
 */
export const EventBody = schema(() =>
  z.discriminatedUnion('type', [
    SessionEventBody(),
    MessageEventBody(),
    TaskEventBody(),
    ApprovalEventBody(),
    AgentEventBody(),
  ]),
);
export type EventBody = Infer<typeof EventBody>;

/** An event's position in the log, and its task. */
export const EventPosition = schema(() =>
  z.object({
    /** The positions that this event covers: one, or the range of several increments that were joined. */
    from_seq: z.int().min(1),
    seq: z.int().min(1),
    at: Instant(),
    /** The number of the task that the event is about; WHOLE_SESSION (0) for the session as a whole. */
    task: z.int().min(0),
  }),
);
export type EventPosition = Infer<typeof EventPosition>;

type OneEvent = z.ZodObject<{ type: z.ZodLiteral<string>; data: z.ZodType }>;

/** An event in the log, for each type of event: with its position, and under a name of its own in the reference. */
function positioned(): [OneEvent, ...OneEvent[]] {
  const of = (body: z.ZodType): OneEvent[] =>
    body instanceof z.ZodDiscriminatedUnion ? (body.options as z.ZodType[]).flatMap(of) : [body as OneEvent];
  const events = of(EventBody()).map((body) => {
    const { description, example } = body.meta() as { description: string; example: object };
    const { type, data } = body.shape;
    return z.object({ ...EventPosition().shape, type, data }).meta({
      id: nameOfEvent(type.value),
      description,
      example: { from_seq: 3, seq: 3, at: '2026-11-22T15:04:05.678Z', task: 1, ...example },
    });
  });
  return events as unknown as [OneEvent, ...OneEvent[]];
}

/** @example nameOfEvent('session.action_requested') // 'SessionActionRequestedEvent' */
function nameOfEvent(type: string): string {
  const words = type.split(/[._]/);
  return `${words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')}Event`;
}

export const SessionEvent = schema(() => {
  const union = z.discriminatedUnion('type', positioned()) as unknown as z.ZodType<SessionEvent>;
  return union.meta({
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
});
export type SessionEvent = EventPosition & EventBody;

export const EventPage = schema(() =>
  z
    .object({
      items: z.array(SessionEvent()),
      /** The position from which to continue reading. */
      cursor: CursorText(),
      has_more: z.boolean(),
      /** True when `after` was not usable: another incarnation, below the log's floor, or beyond its head. */
      reset: z.boolean(),
    })
    .meta({
      id: 'EventPage',
      description: 'A page of a session’s log.',
      example: { items: [], cursor: '5f2b9c1e.12', has_more: false, reset: false },
    }),
);
export type EventPage = Infer<typeof EventPage>;
