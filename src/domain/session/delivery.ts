import type { TaskStatus } from '../../protocol/common/enums.ts';
import type { DeliverRequest, DeliveryReport, DeliveryState } from '../../protocol/session/deliver.ts';

/** How a session's work is to be delivered, with every default filled in. */
export interface DeliveryPlan {
  branch: string;
  message: string;
  /** Null if the branch is not pushed. */
  remote: string | null;
}

/** The session to which a delivery belongs. */
interface Delivered {
  id: string;
  title: string;
}

const DEFAULT_REMOTE = 'origin';
const MAX_SLUG_CHARS = 40;
/** As many characters of an id as lists show. */
const ID_CHARS = 8;

/**
 * The plan of a request.
 *
 * @example planOf({ push: true }, { id: '0198c2f0-…', title: 'Add a --flag' }).branch // 'oio/add-a-flag-0198c2f0'
 */
export function planOf({ branch, push, remote, message }: DeliverRequest, session: Delivered): DeliveryPlan {
  return {
    branch: branch ?? defaultBranch(session),
    message: message ?? `${session.title}\n\nSession: ${session.id}`,
    remote: push ? (remote ?? DEFAULT_REMOTE) : null,
  };
}

export function isSamePlan(one: DeliveryPlan, other: DeliveryPlan): boolean {
  return one.branch === other.branch && one.message === other.message && one.remote === other.remote;
}

/** What a delivery has come to, from its task and what its last agent has reported. */
export function deliveryState(status: TaskStatus, report: Pick<DeliveryReport, 'state'> | null): DeliveryState {
  switch (status) {
    case 'completed':
      // A person who completes the session completes its tasks, too.
      return report?.state ?? 'failed';
    case 'failed':
    case 'cancelled':
    case 'skipped':
      return report?.state === 'conflict' ? 'conflict' : 'failed';
    case 'assigned':
    case 'in_progress':
      return 'running';
    default:
      return 'waiting';
  }
}

/** A branch of the orchestrator's own, whose name people recognise and no other session has. */
function defaultBranch({ id, title }: Delivered): string {
  const plain = title.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const words = plain.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+/g, '');
  const slug = words.slice(0, MAX_SLUG_CHARS).replaceAll(/-+$/g, '');
  return `oio/${[slug, id.slice(0, ID_CHARS)].filter(Boolean).join('-')}`;
}
