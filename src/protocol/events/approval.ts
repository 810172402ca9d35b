import * as z from 'zod';
import { ApprovalKind, Decision } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { ApprovalView, EXAMPLE_APPROVAL } from '../session/approval.ts';
import { event } from './event.ts';

/** Events about a task's approvals. */
export const ApprovalEventBody = schema(() =>
  z.discriminatedUnion('type', [
    event({
      type: 'approval.asked',
      description: 'The agent, or the session itself, waits for a decision.',
      data: z.object({ approval: ApprovalView() }),
      example: { approval: EXAMPLE_APPROVAL },
    }),
    event({
      type: 'approval.answered',
      description: 'An approval was answered, or has expired and got its default answer.',
      data: z.object({
        approval_id: Uuid(),
        kind: ApprovalKind(),
        decision: Decision(),
        message: z.string().optional(),
        answers: z.array(z.array(z.string())).optional(),
        by: z.string(),
        expired: z.boolean(),
      }),
      example: {
        approval_id: EXAMPLE_APPROVAL.id,
        kind: 'permission',
        decision: 'once',
        by: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        expired: false,
      },
    }),
    event({
      type: 'approval.withdrawn',
      description: 'An approval needs no answer any more.',
      data: z.object({ approval_id: Uuid(), reason: z.string() }),
      example: { approval_id: EXAMPLE_APPROVAL.id, reason: 'lease_ended' },
    }),
    event({
      type: 'approval.extended',
      description: 'The approval expired while the control plane was down, so people have time again.',
      data: z.object({ approval_id: Uuid(), expires_at: z.string(), reason: z.string() }),
      example: {
        approval_id: EXAMPLE_APPROVAL.id,
        expires_at: '2026-11-22T15:34:05.678Z',
        reason: 'control_plane_was_down',
      },
    }),
  ]),
);
