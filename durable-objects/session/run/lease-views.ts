import { isFinal } from '../../../src/domain/task-status.ts';
import type { LeaseKey } from '../../../src/ports/lease-calls.ts';
import { taskNumber } from '../../../src/protocol/common/ids.ts';
import type {
  LeaseReport,
  OfferedAssignment,
  PendingCommand,
  ResultReport,
} from '../../../src/protocol/run/reports.ts';
import { instant } from '../../kit/text.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../rows.ts';
import { activeMs } from '../views.ts';

/** What an agent without a socket gets as its task. @param offered_until when the offer lapses, in ms since the epoch */
export function offeredAssignment(
  { claims, kit, records }: Pick<SessionParts, 'claims' | 'kit' | 'records'>,
  task: number,
  offered_until: number,
): OfferedAssignment {
  const work = claims.assignment(task);
  const { session_id, task_id, epoch, title, kind = 'work', agent_config, repository, start, resolution } = work;
  const { checkpoint, messages_done, delivery } = work;
  const { required_capabilities, required_labels, metadata, max_duration_seconds } = records.spec();
  const now = kit.store.platform.now();
  return {
    ...{ task_id, session_id, epoch, title, kind, agent_config, repository, checkpoint },
    ...(delivery && { delivery }),
    ...{ required_capabilities, required_labels, context: metadata },
    checks: work.checks ?? [],
    start_checks: work.start_checks ?? [],
    check_round: work.check_round ?? 1,
    ...(start && { start }),
    ...(resolution && { resolution }),
    input: { messages: records.promptsAfter(task, messages_done) },
    base_commit: checkpoint?.base_commit ?? start?.base_commit ?? repository.base_commit ?? null,
    deadline_at: instant(now + Math.max(0, max_duration_seconds * 1_000 - activeMs(records.session(), now))),
    lease_expires_at: instant(offered_until),
  };
}

/** What an agent without a socket gets for a report: what is acknowledged, and the commands that wait. */
export function leaseReport(
  { commands, leases, records }: Pick<SessionParts, 'commands' | 'leases' | 'records'>,
  lease: LeaseRow,
): LeaseReport {
  const { task, epoch, acked } = lease;
  const isOver = isFinal(records.task(task)!);
  return {
    acked,
    lease_expires_at: instant(leases.expiresAt(lease)),
    commands: commands.pending(task, epoch).map(({ id, command }): PendingCommand => {
      if (isOver && command.type === 'stop') return { id, type: 'cancel', data: command.data };
      return { id, ...command };
    }),
  };
}

/** What an agent without a socket gets for the result that has ended its lease. */
export function finalReport({ records }: Pick<SessionParts, 'records'>, { task_id, epoch }: LeaseKey): ResultReport {
  const { status } = records.session();
  const lease = records.lease(taskNumber(task_id));
  const acked = lease?.epoch === epoch ? lease.acked : 0;
  return { final: true, session_status: status, acked, lease_expires_at: null, commands: [] };
}
