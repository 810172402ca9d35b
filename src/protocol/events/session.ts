import * as z from 'zod';
import { Delivery, DependencyType, SessionStatus, TaskPriority } from '../common/enums.ts';
import { schema } from '../common/schema.ts';
import { SessionChanges } from '../session/requests.ts';
import { SessionError } from '../session/session.ts';
import { event } from './event.ts';

/** Events about the session as a whole. Their task is WHOLE_SESSION. */
export const SessionEventBody = schema(() =>
  z.discriminatedUnion('type', [
    event({
      type: 'session.created',
      description: 'The session was created.',
      data: z.object({ title: z.string() }),
      example: { title: 'TEST-Session-001' },
    }),
    event({
      type: 'session.updated',
      description: 'Members of the session were changed to these values.',
      data: SessionChanges(),
      example: { priority: 'high' },
    }),
    event({
      type: 'session.status',
      description: 'The session’s status changed. An end has the result or the error.',
      data: z.object({
        from: SessionStatus(),
        to: SessionStatus(),
        reason: z.string(),
        result: z.record(z.string(), z.unknown()).optional(),
        error: SessionError().optional(),
      }),
      example: { from: 'pending', to: 'queued', reason: 'start' },
    }),
    event({
      type: 'graph.changed',
      description:
        'The graph of tasks changed: it now has this version, and these tasks are new or have new values, or were removed. A large change is several events with the same version.',
      data: z.object({
        version: z.int(),
        removed: z.array(z.int().min(1)).optional(),
        tasks: z.array(
          z.object({
            number: z.int().min(1),
            title: z.string(),
            parent: z.int().nullable(),
            priority: TaskPriority(),
            depends_on: z.array(
              z.object({ task: z.int().min(1), dependency_type: DependencyType(), is_required: z.boolean() }),
            ),
          }),
        ),
      }),
      example: {
        version: 2,
        tasks: [
          {
            number: 3,
            title: 'Test the endpoint',
            parent: 1,
            priority: 'normal',
            depends_on: [{ task: 2, dependency_type: 'finish_to_start', is_required: true }],
          },
        ],
      },
    }),
    event({
      type: 'delivery.requested',
      description:
        'The work is to be delivered to a branch, and pushed if there is a remote. Without a task, when the session has completed.',
      data: z.object({
        task: z.int().min(1).nullable(),
        branch: z.string(),
        remote: z.string().nullable(),
        by: z.string(),
      }),
      example: { task: 2, branch: 'oio/list-flag', remote: 'origin', by: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d' },
    }),
    event({
      type: 'session.action_requested',
      description: 'A pause or stop waits for the agent to finish its step; null: it does no longer.',
      data: z.object({ action: z.enum(['pause', 'stop']).nullable(), by: z.string() }),
      example: { action: 'pause', by: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d' },
    }),
  ]),
);

export const MessageEventBody = schema(() =>
  event({
    type: 'message.added',
    description: 'A user or a program sent a prompt to the agent of a task.',
    data: z.object({ number: z.int(), text: z.string(), delivery: Delivery(), by: z.string() }),
    example: {
      number: 2,
      text: 'Use the existing helper instead.',
      delivery: 'steer',
      by: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
    },
  }),
);
