import { clsx } from 'clsx';
import { visible } from '../../../../src/domain/visible-text.ts';
import type { ApprovalView } from '../../../../src/protocol/session/approval.ts';
import { APPROVAL_KINDS } from '../../../../src/protocol/session/approval-kinds.ts';
import { Panel } from '../../ui/panel.tsx';

/** Settled approvals with their outcomes. */
export function AnsweredApprovals({ approvals }: { approvals: ApprovalView[] }) {
  const settled = approvals.filter((approval) => approval.status !== 'open');
  if (settled.length === 0) return null;
  return (
    <Panel title="Answered">
      <ul className="max-h-72 divide-y-2 divide-faint overflow-y-auto">
        {settled.toReversed().map((approval) => (
          <li key={approval.id} className="px-3 py-2 text-sm">
            <p className="wrap-anywhere">{visible(approval.title)}</p>
            <p className={clsx('caps mt-0.5', approval.answer?.decision === 'reject' ? 'text-bad' : 'text-mute')}>
              {outcomeOf(approval)}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function outcomeOf({ status, kind, answer }: ApprovalView): string {
  if (!answer) return status;
  const said = answer.answers?.flat().join(', ');
  const agreed = answer.decision === 'always' ? 'always allowed' : said || APPROVAL_KINDS[kind].once_text;
  const verdict = answer.decision === 'reject' ? 'rejected' : agreed;
  if (answer.by === 'session_always') return 'allowed by an “always” answer';
  return answer.by === 'session_default' ? `${verdict} by default: nobody answered` : verdict;
}
