/** An agent's process has refused a task, because it lacks something that the task needs. */
export interface Refusal {
  agent_id: string;
  /** The agent's process. After another start, the agent may have what it lacked. */
  instance_id: string;
  agent_name: string;
  /** What the agent lacks. */
  message: string;
}

const MAX_REFUSALS = 50;
const MAX_MESSAGE_CHARS = 300;

/** Reads stored refusals. Those of earlier releases are only agents' ids, and no process is known for them. */
export function readRefusals(stored: string): Refusal[] {
  const items = JSON.parse(stored) as (Refusal | string)[];
  return items.filter((item) => typeof item !== 'string');
}

/**
 * Adds a refusal. Returns null when no more are remembered: then another one must cost an attempt, so that a task which
 * no agent can do does not wander through a large fleet for ever.
 */
export function withRefusal(refusals: readonly Refusal[], refusal: Refusal): Refusal[] | null {
  const isKnown = refusals.some(({ instance_id }) => instance_id === refusal.instance_id);
  if (isKnown || refusals.length >= MAX_REFUSALS) return null;
  return [...refusals, { ...refusal, message: refusal.message.slice(0, MAX_MESSAGE_CHARS) }];
}
