import type { LeaseKey } from '../ports/lease-calls.ts';

/** The lease that a request names as `<task_id>/<epoch>`. A schema has checked it. */
export function leaseIn(text: string): LeaseKey {
  const [task_id, epoch] = text.split('/');
  return { task_id: task_id!, epoch: Number(epoch) };
}
