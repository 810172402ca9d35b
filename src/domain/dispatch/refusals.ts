/** A process of an agent refused a task, because it lacks something that the task needs. */
export interface Refusal {
  agent_id: string;
  /** The process that refused. After a restart, the agent may have what was missing. */
  instance_id: string;
  agent_name: string;
  /** What the agent lacks. */
  message: string;
}

const MAX_REFUSALS = 50;
const MAX_MESSAGE_CHARS = 300;

/** Parses stored refusals. Earlier releases stored only the agent's id. Those entries are dropped. */
export function readRefusals(stored: string): Refusal[] {
  const items = JSON.parse(stored) as (Refusal | string)[];
  return items.filter((item) => typeof item !== 'string');
}

/**
 * Adds a refusal.
 *
 * @returns null if the process has refused before or the list is full. The refusal must then cost an attempt, so that a
 *   task that no agent can do is not offered to a large fleet for ever.
 */
export function withRefusal(refusals: readonly Refusal[], refusal: Refusal): Refusal[] | null {
  const isKnown = refusals.some(({ instance_id }) => instance_id === refusal.instance_id);
  if (isKnown || refusals.length >= MAX_REFUSALS) return null;
  return [...refusals, { ...refusal, message: refusal.message.slice(0, MAX_MESSAGE_CHARS) }];
}
