import * as z from 'zod';
import { TaskId } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import {
  AskApprovalRequest,
  LeaseReport,
  ReleaseLeaseRequest,
  ReportCheckpointRequest,
  ReportConflictRequest,
  ReportEventsRequest,
  ReportResultRequest,
  ResultReport,
  SendArtifactRequest,
} from '../run/reports.ts';
import { type Endpoints, json } from './endpoint.ts';
import type { OperationId } from './routes.ts';
import { Epoch } from './sockets.ts';

const LeaseParams = schema(() => z.object({ task_id: TaskId(), epoch: Epoch() }));

/** Errors of every report. */
const ERRORS = ['not_found', 'lease_gone', 'stale_lease'] as const;
/** Errors of a report that is numbered. */
const NUMBERED = [...ERRORS, 'report_missing'] as const;

/**
 * The reports of agents without sockets, under the lease of (task, epoch). Each is idempotent by its number or its
 * content, so that none takes an `Idempotency-Key`.
 */
export const LEASE_ENDPOINTS = {
  reportEvents: {
    tag: 'Leases',
    summary: 'Report events, extend the lease, and get commands',
    access: 'act',
    params: LeaseParams,
    body: ReportEventsRequest,
    responses: { 200: json(LeaseReport, 'The lease.') },
    errors: NUMBERED,
  },
  reportCheckpoint: {
    tag: 'Leases',
    summary: 'Save a checkpoint',
    access: 'act',
    params: LeaseParams,
    body: ReportCheckpointRequest,
    responses: { 200: json(LeaseReport, 'The lease.') },
    errors: NUMBERED,
  },
  askApproval: {
    tag: 'Leases',
    summary: 'Ask people for an approval or an answer',
    access: 'act',
    params: LeaseParams,
    body: AskApprovalRequest,
    responses: { 200: json(LeaseReport, 'The lease. The answer comes as a command.') },
    errors: NUMBERED,
  },
  sendArtifact: {
    tag: 'Leases',
    summary: 'Send a chunk of an artifact',
    access: 'act',
    params: LeaseParams,
    body: SendArtifactRequest,
    responses: { 200: json(LeaseReport, 'The lease.') },
    errors: NUMBERED,
  },
  reportResult: {
    tag: 'Leases',
    summary: 'Report the result, which ends the lease',
    access: 'act',
    params: LeaseParams,
    body: ReportResultRequest,
    responses: { 200: json(ResultReport, 'The outcome. The same result again has the same answer.') },
    errors: [...ERRORS, 'result_differs'],
  },
  reportConflict: {
    tag: 'Leases',
    summary: 'Report that the work before the task cannot be merged, which ends the lease',
    access: 'act',
    params: LeaseParams,
    body: ReportConflictRequest,
    responses: { 204: { description: 'The lease has ended. The task waits until the conflict is resolved.' } },
    errors: ERRORS,
  },
  releaseLease: {
    tag: 'Leases',
    summary: 'Give the lease back without a result',
    access: 'act',
    params: LeaseParams,
    body: ReleaseLeaseRequest,
    responses: { 204: { description: 'The lease has ended.' } },
    errors: ERRORS,
  },
} as const satisfies Partial<Endpoints<OperationId>>;
