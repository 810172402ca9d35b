/** Who says hello for an agent. */
export interface Owner {
  /** Whether the token is the agent's own. Else it is one that enrols agents. */
  acts: boolean;
  token_id: string;
  /** The digest of the agent's secret; null if it has sent none. */
  secret_hash: string | null;
}

/** To whom an agent's id belongs. Rows of earlier releases have no owner. */
export interface StoredOwner {
  /** The token that enrolled the agent. */
  token_id: string | null;
  secret_hash: string | null;
  /** The agent's own token; null if it has none, or if an older one was replaced. */
  own_token_id: string | null;
}

/**
 * Whether an agent's id belongs to who says hello. Its own token proves that. A token that enrols agents proves nothing
 * of which agent it is: an id that was registered with a secret belongs to the secret, and else to the first token.
 */
export function isOwner(registered: StoredOwner, { acts, token_id, secret_hash }: Owner): boolean {
  if (acts) return registered.own_token_id === token_id;
  if (registered.secret_hash !== null) return registered.secret_hash === secret_hash;
  if (registered.own_token_id !== null) return false;
  return registered.token_id === null || registered.token_id === token_id;
}
