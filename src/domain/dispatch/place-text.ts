import type { QueuePlace } from '../../protocol/session/queue.ts';
import { duration } from '../relative-time.ts';

/** The place in the queue and the estimate in words, for people; null if the place is not known. */
export function placeText({ place, estimated_wait_seconds }: QueuePlace): string | null {
  if (place === null) return null;
  const estimate = estimated_wait_seconds === null ? '' : `, for about ${duration(estimated_wait_seconds)}`;
  return `Place ${place} in the queue${estimate}.`;
}

/** Why a session waits and where it stands in the queue, in sentences. */
export function queueText(queue: QueuePlace): string {
  // Without an approval, no agent is asked.
  const what = queue.reason === 'not_approved' ? null : 'Waiting for an agent.';
  return [what, queue.message, placeText(queue)].filter(Boolean).join(' ');
}
