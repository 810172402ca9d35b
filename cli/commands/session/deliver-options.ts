import { deliveryText } from '../../../src/domain/session/delivery-text.ts';
import type { BranchDelivery } from '../../../src/protocol/session/deliver.ts';
import { CliError, exitCode, type OptionSpecs } from '../../command.ts';

/** The options that say how work is delivered. */
export const deliverOptions = {
  branch: {
    type: 'string',
    placeholder: 'branch',
    description: 'The new branch (oio/, the title and the beginning of the id)',
  },
  push: { type: 'boolean', default: false, description: 'Push the branch too' },
  remote: { type: 'string', placeholder: 'remote', description: 'Where to push: a remote of the clone (origin)' },
  message: { type: 'string', placeholder: 'text', description: 'The message of the commit (the title)' },
} as const satisfies OptionSpecs;

export interface DeliverOptions {
  branch?: string | undefined;
  push?: boolean | undefined;
  remote?: string | undefined;
  message?: string | undefined;
}

/** The request that the options stand for. @throws CliError for a remote to which nothing is pushed */
export function deliverRequest({ branch, push = false, remote, message }: DeliverOptions) {
  if (remote !== undefined && !push) throw new CliError('--remote says where to push. Add --push.', exitCode.usage);
  return {
    push,
    ...(branch !== undefined && { branch }),
    ...(remote !== undefined && { remote }),
    ...(message !== undefined && { message }),
  };
}

/** A delivery in a sentence. */
export function deliveryLine(delivery: BranchDelivery): string {
  const { state, branch, remote } = delivery;
  if (state !== 'waiting' && state !== 'running') return deliveryText({ ...delivery, state });
  const to = `the branch ${branch}${remote === null ? '' : `, pushed to ${remote}`}`;
  if (state === 'running') return `${delivery.agent_name} delivers the work to ${to}.`;
  return `Will be delivered to ${to}. This begins when all work is done and an agent is free.`;
}
