import * as z from 'zod';
import { Delivery, SessionStatus } from '../common/enums.ts';
import { schema } from '../common/schema.ts';
import { UpdateSessionRequest } from '../session/requests.ts';
import { SessionError } from '../session/session.ts';

/** Events about the session as a whole. Their task is WHOLE_SESSION. */
export const SessionEventBody = schema(() =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('session.created'), data: z.object({ title: z.string() }) }),
    z.object({ type: z.literal('session.updated'), data: UpdateSessionRequest() }),
    z.object({
      type: z.literal('session.status'),
      data: z.object({
        from: SessionStatus(),
        to: SessionStatus(),
        reason: z.string(),
        result: z.record(z.string(), z.unknown()).optional(),
        error: SessionError().optional(),
      }),
    }),
    z.object({
      type: z.literal('session.action_requested'),
      data: z.object({ action: z.enum(['pause', 'stop']).nullable(), by: z.string() }),
    }),
  ]),
);

/** A user or a program sent a prompt to the agent of a task. */
export const MessageEventBody = schema(() =>
  z.object({
    type: z.literal('message.added'),
    data: z.object({ number: z.int(), text: z.string(), delivery: Delivery(), by: z.string() }),
  }),
);
