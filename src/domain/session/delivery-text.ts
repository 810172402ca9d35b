import type { DeliveryReport } from '../../protocol/session/deliver.ts';

/** As many characters of a commit as people compare. */
const COMMIT_CHARS = 10;

/**
 * What a delivery has come to, in a sentence.
 *
 * @example deliveryText({ state: 'delivered', branch: 'oio/a', commit: '4b825dc642…', pushed: true, remote: 'origin', reason: null })
 * // 'Delivered as commit 4b825dc642 on the branch oio/a, pushed to origin.'
 */
export function deliveryText({ state, branch, commit, pushed, remote, reason }: DeliveryReport): string {
  const named = commit === null ? '' : ` commit ${commit.slice(0, COMMIT_CHARS)}`;
  if (state !== 'delivered') return `Not delivered to the branch ${branch}: ${reason ?? state}`;
  return `Delivered as${named} on the branch ${branch}${pushed ? `, pushed to ${remote}` : ''}.`;
}

/** What was asked for. */
export function deliveryRequestText({ branch, remote }: { branch: string; remote: string | null }): string {
  return `The work is to be delivered to the branch ${branch}${remote === null ? '' : ` and pushed to ${remote}`}.`;
}
