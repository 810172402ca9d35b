import type { SessionAction } from '../common/enums.ts';
import type { Schema } from '../common/schema.ts';
import { BranchDelivery, DeliverRequest } from '../session/deliver.ts';
import {
  CompleteSessionRequest,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  StopSessionRequest,
} from '../session/requests.ts';
import { SessionView } from '../session/session.ts';
import { type Endpoints, json, NoMembers, versioned } from './endpoint.ts';
import { SessionParams } from './sessions.ts';

function action<Body extends Schema>(body: Body, summary: string) {
  return {
    tag: 'Session actions',
    summary,
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body,
    responses: { 200: versioned(SessionView, 'The session after the action.') },
    errors: ['not_found', 'illegal_transition'],
  } as const;
}

/** Actions on a session. */
export const SESSION_ACTION_ENDPOINTS = {
  startSession: action(NoMembers, 'Start the session, or queue it if no agent has a free slot'),
  pauseSession: action(NoMembers, 'Pause the session after its current step, with a checkpoint'),
  resumeSession: action(NoMembers, 'Resume a paused session'),
  cancelSession: action(NoMembers, 'End the session for good; its agent stops and sends a last checkpoint'),
  stopSession: action(StopSessionRequest, 'Stop the session with a checkpoint; it can be retried'),
  completeSession: action(CompleteSessionRequest, 'Report an external executor’s result'),
  failSession: action(FailSessionRequest, 'Report an external executor’s failure'),
  retrySession: action(RetrySessionRequest, 'Retry a session after a failure, a timeout or a stop'),
  sendMessage: {
    tag: 'Session actions',
    summary: 'Steer the running agent, or queue a follow-up prompt',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: SendMessageRequest,
    responses: { 202: json(MessageAccepted, 'The message was accepted.') },
    errors: ['not_found', 'illegal_transition', 'too_many_requests'],
  },
  deliverWork: {
    tag: 'Session actions',
    summary: 'Deliver the work as a commit on a new branch: when the session has completed, or now if it has ended',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: DeliverRequest,
    responses: { 200: json(BranchDelivery, 'The delivery as it is now; the same request again has the same answer.') },
    errors: ['not_found', 'not_deliverable'],
  },
} as const satisfies Endpoints<`${SessionAction}Session` | 'sendMessage' | 'deliverWork'>;
