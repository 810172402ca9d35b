import * as z from 'zod';
import { ApprovalKind, Decision } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { ApprovalView } from '../session/approval.ts';

/** Events about a task's approvals. */
export const ApprovalEventBody = schema(() =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('approval.asked'), data: z.object({ approval: ApprovalView() }) }),
    z.object({
      type: z.literal('approval.answered'),
      data: z.object({
        approval_id: Uuid(),
        kind: ApprovalKind(),
        decision: Decision(),
        message: z.string().optional(),
        answers: z.array(z.array(z.string())).optional(),
        by: z.string(),
        expired: z.boolean(),
      }),
    }),
    /** The approval expired while the control plane was down, so people have time again. */
    z.object({
      type: z.literal('approval.extended'),
      data: z.object({ approval_id: Uuid(), expires_at: z.string(), reason: z.string() }),
    }),
    z.object({ type: z.literal('approval.withdrawn'), data: z.object({ approval_id: Uuid(), reason: z.string() }) }),
  ]),
);
