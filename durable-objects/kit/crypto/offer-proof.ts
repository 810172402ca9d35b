import { equalDigests, hmacSha256 } from './sha256.ts';

/** The agent that is offered a task: its registration, its process, and the token of its control socket. */
export interface Offeree {
  agent_id: string;
  agent_name: string;
  instance_id: string;
  /** The root commit of its clone. */
  repository: string | null;
  token_id: string;
}

/**
 * The key of the proofs for an epoch of a task. The session derives the key and sends it to the registry. With it, the
 * session can verify which agent the registry has offered the task to.
 */
export function proofKey(secret: string, task: number, epoch: number): string {
  return hmacSha256(secret, `${task}:${epoch}`);
}

/** The proof that the registry has offered an epoch of a task to exactly this agent. */
export function proofOf(key: string, { agent_id, agent_name, instance_id, repository, token_id }: Offeree): string {
  return hmacSha256(key, JSON.stringify([agent_id, agent_name, instance_id, repository, token_id]));
}

/** Whether a proof was made for this agent. */
export function isProven(key: string, offeree: Offeree, proof: string): boolean {
  return equalDigests(proofOf(key, offeree), proof);
}
