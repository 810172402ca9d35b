import * as z from 'zod';
import { CursorText } from '../common/cursor-text.ts';
import { TaskId, Uuid } from '../common/ids.ts';
import { MAX_WAIT_SECONDS, PAGE_EVENTS } from '../common/limits.ts';
import { PageQuery } from '../common/page.ts';
import { schema } from '../common/schema.ts';
import { EventPage } from '../events/envelope.ts';
import { FileList } from '../run/reports.ts';
import { ApprovalList, ApprovalView } from '../session/approval.ts';
import { CheckpointList, CheckpointRequested, SessionDiff } from '../session/checkpoint.ts';
import { FinishedAssignment, RateTaskRequest } from '../session/rating.ts';
import { AnswerApprovalRequest, EndToolsRequest, EndToolsRequested } from '../session/requests.ts';
import { TranscriptPage } from '../session/transcript-page.ts';
import { type Endpoints, json, NoMembers, page } from './endpoint.ts';
import type { OperationId } from './routes.ts';
import { SessionParams } from './sessions.ts';

const DEFAULT_EVENTS = 100;

/** Operations on a session's events, checkpoints, approvals and artifacts. */
export const SESSION_WORK_ENDPOINTS = {
  listEvents: {
    tag: 'Session work',
    summary: 'Read the event log',
    access: 'read',
    params: SessionParams,
    query: schema(() =>
      z.strictObject({
        after: CursorText().optional(),
        limit: z.coerce.number<number>().int().min(1).max(PAGE_EVENTS).default(DEFAULT_EVENTS),
        wait_seconds: z.coerce.number<number>().int().min(0).max(MAX_WAIT_SECONDS).default(0).meta({
          description: 'If there is no event after the cursor, how long the answer waits for one.',
        }),
      }),
    ),
    responses: { 200: page(EventPage, 'A page of the log.') },
    errors: ['not_found', 'too_many_requests'],
  },
  readTranscript: {
    tag: 'Session work',
    summary: 'Read the transcript, which stays as long as the session, while old events are deleted',
    access: 'read',
    params: SessionParams,
    query: PageQuery,
    responses: { 200: page(TranscriptPage, 'A page of the transcript.') },
    errors: ['not_found'],
  },
  listCheckpoints: {
    tag: 'Session work',
    summary: 'List the checkpoints',
    access: 'read',
    params: SessionParams,
    query: PageQuery,
    responses: { 200: page(CheckpointList, 'The checkpoints.') },
    errors: ['not_found'],
  },
  requestCheckpoint: {
    tag: 'Session work',
    summary: 'Ask the agent for a checkpoint',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: NoMembers,
    responses: { 202: json(CheckpointRequested, 'The agent was asked.') },
    errors: ['not_found', 'no_running_agent'],
  },
  endTools: {
    tag: 'Session work',
    summary: 'End running commands alone',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: EndToolsRequest,
    responses: { 202: json(EndToolsRequested, 'The agent was asked.') },
    errors: ['not_found', 'no_running_agent'],
  },
  readPatch: {
    tag: 'Session work',
    summary: 'Read the current work as the bytes of a patch',
    access: 'read',
    params: SessionParams,
    responses: { 200: { description: 'The patch, unchanged; nothing when there are no changes.', bytes: true } },
    errors: ['not_found'],
  },
  readDiff: {
    tag: 'Session work',
    summary: 'Read the current work as a patch',
    access: 'read',
    params: SessionParams,
    responses: { 200: json(SessionDiff, 'The patch.') },
    errors: ['not_found'],
  },
  listApprovals: {
    tag: 'Session work',
    summary: 'List the approvals',
    access: 'read',
    params: SessionParams,
    query: PageQuery,
    responses: { 200: page(ApprovalList, 'The approvals.') },
    errors: ['not_found'],
  },
  answerApproval: {
    tag: 'Session work',
    summary: 'Answer a permission or a question',
    access: 'operate',
    idempotent: true,
    params: schema(() => SessionParams().extend({ approval_id: Uuid() })),
    body: AnswerApprovalRequest,
    responses: { 200: json(ApprovalView, 'The approval with its answer.') },
    errors: ['not_found', 'approval_answered'],
  },
  listFiles: {
    tag: 'Session work',
    summary: 'List the files of the results',
    access: 'read',
    params: SessionParams,
    query: PageQuery,
    responses: { 200: page(FileList, 'The files; read the bytes of one as an artifact.') },
    errors: ['not_found'],
  },
  rateTask: {
    tag: 'Session work',
    summary: 'Rate the work that an agent has done last on a task',
    access: 'operate',
    idempotent: true,
    params: schema(() => z.object({ id: TaskId() })),
    body: RateTaskRequest,
    responses: { 200: json(FinishedAssignment, 'The assignment with its rating.') },
    errors: ['not_found', 'nothing_to_rate'],
  },
  readArtifact: {
    tag: 'Session work',
    summary: 'Read an artifact of a checkpoint, or a file of a result',
    access: 'read_artifact',
    params: schema(() => SessionParams().extend({ artifact_id: Uuid() })),
    responses: { 200: { description: 'The bytes of the artifact.', bytes: true } },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
