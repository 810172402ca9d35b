import type * as z from 'zod';
import type { SessionAction } from '../common/enums.ts';
import {
  CompleteSessionRequest,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  StopSessionRequest,
} from '../session/requests.ts';
import { SessionView } from '../session/session.ts';
import { type Endpoints, json, NoMembers } from './endpoint.ts';
import { SessionParams } from './sessions.ts';

function action<Body extends z.ZodType>(body: Body, summary: string) {
  return {
    tag: 'Session actions',
    summary,
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body,
    responses: { 200: json(SessionView, 'The session after the action.') },
    errors: ['not_found', 'illegal_transition'],
  } as const;
}

/** What can be asked of a session. */
export const SESSION_ACTION_ENDPOINTS = {
  startSession: action(NoMembers, 'Start the session, or queue it where no agent has room'),
  pauseSession: action(NoMembers, 'End the turn at its next step, checkpoint, and free the agent'),
  resumeSession: action(NoMembers, 'Go on from where it was paused'),
  cancelSession: action(NoMembers, 'End it for good'),
  stopSession: action(StopSessionRequest, 'Checkpoint and stop; it can be retried'),
  completeSession: action(CompleteSessionRequest, 'Report an external executor’s result'),
  failSession: action(FailSessionRequest, 'Report an external executor’s failure'),
  retrySession: action(RetrySessionRequest, 'Go on after a failure, timeout or stop'),
  sendMessage: {
    tag: 'Session actions',
    summary: 'Steer the running agent, or queue a follow-up prompt',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: SendMessageRequest,
    responses: { 202: json(MessageAccepted, 'The message is kept.') },
    errors: ['not_found', 'illegal_transition', 'too_many_requests'],
  },
} as const satisfies Endpoints<`${SessionAction}Session` | 'sendMessage'>;
