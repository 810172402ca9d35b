import type { AssignmentResult, SlotPass, SlotRequest } from '../../src/ports/agent-registry.ts';
import type { TaskId } from '../../src/protocol/common/ids.ts';
import type { ObjectKit } from '../kit/runtime.ts';
import { DESTINATION } from './config.ts';

/** A message to the registry about (task, epoch). */
export type SlotMessage =
  /** `again`: a repeated reservation. */
  | { op: 'reserve'; task: number; request: SlotRequest; again: boolean }
  | { op: 'accept'; task_id: TaskId; epoch: number; agent_id: string }
  | { op: 'cancel'; task_id: TaskId; epoch: number }
  /** `follows_pass`: the slot has passed on, and this only rates how the lease has ended. */
  | { op: 'release'; task_id: TaskId; epoch: number; result?: AssignmentResult; follows_pass?: boolean }
  | ({ op: 'pass' } & SlotPass);

/**
 * Sends a message to the registry. It replaces an undelivered one about the same (task, epoch), except that nothing
 * replaces the news of who holds the lease, and no rating replaces a pass.
 */
export function tellRegistry({ outbox }: Pick<ObjectKit, 'outbox'>, message: SlotMessage): void {
  outbox.put(DESTINATION.registry, keyOf(message), message);
}

function keyOf(message: SlotMessage): string {
  switch (message.op) {
    case 'reserve':
      return slotKey(message.request);
    case 'pass':
      return slotKey(message.from);
    case 'accept':
      return `${slotKey(message)}:accept`;
    case 'release':
      return message.follows_pass ? `${slotKey(message)}:rating` : slotKey(message);
    case 'cancel':
      return slotKey(message);
  }
}

function slotKey({ task_id, epoch }: { task_id: TaskId; epoch: number }): string {
  return `${task_id}:${epoch}`;
}
