import type { AssignmentResult, SlotRequest } from '../../src/ports/agent-registry.ts';
import type { TaskId } from '../../src/protocol/common/ids.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { DESTINATION } from './config.ts';

/** A message to the registry about (task, epoch). */
export type SlotMessage =
  /** `again`: a repeated reservation. */
  | { op: 'reserve'; task: number; request: SlotRequest; again: boolean }
  | { op: 'accept'; task_id: TaskId; epoch: number; agent_id: string }
  | { op: 'cancel'; task_id: TaskId; epoch: number }
  | { op: 'release'; task_id: TaskId; epoch: number; result?: AssignmentResult };

/**
 * Sends a message to the registry. It replaces an undelivered one about the same (task, epoch), except that nothing
 * replaces the news of who holds the lease.
 */
export function tellRegistry({ outbox }: Pick<ObjectKit, 'outbox'>, message: SlotMessage): void {
  const { task_id, epoch } = message.op === 'reserve' ? message.request : message;
  const key = `${task_id}:${epoch}`;
  outbox.put(DESTINATION.registry, message.op === 'accept' ? `${key}:accept` : key, message);
}
